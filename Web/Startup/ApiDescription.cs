using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Hyperpatch.Web.Startup;

/// <summary>The OpenAPI document: what it says beyond what the routes say themselves.</summary>
internal static class ApiDescription
{
    private const string Scheme = "Bearer";

    /// <summary>Adds the document.</summary>
    public static void AddApiDescription(this IServiceCollection services) =>
        services.AddOpenApi("v1", document => document.AddDocumentTransformer(Complete));

    /// <summary>Describes a whole number in the query, for a route that reads the query by itself.</summary>
    public static RouteHandlerBuilder WithQueryNumber(this RouteHandlerBuilder route, string name, string description, long minimum, long? maximum) =>
        route.WithQuery(name, description, new OpenApiSchema
        {
            Type = JsonSchemaType.Integer,
            Format = "int64",
            Minimum = minimum.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Maximum = maximum?.ToString(System.Globalization.CultureInfo.InvariantCulture),
        });

    /// <summary>Describes a word in the query, likewise.</summary>
    public static RouteHandlerBuilder WithQueryWord(this RouteHandlerBuilder route, string name, string description) =>
        route.WithQuery(name, description, new OpenApiSchema { Type = JsonSchemaType.String });

    private static RouteHandlerBuilder WithQuery(this RouteHandlerBuilder route, string name, string description, OpenApiSchema schema) =>
        route.AddOpenApiOperationTransformer((operation, _, _) =>
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Query, Description = description, Schema = schema });
            return Task.CompletedTask;
        });

    private static Task Complete(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellation)
    {
        document.Info.Title = "Hyperpatch";
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[Scheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "The operator's or the viewer's token.",
        };
        document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Scheme, document)] = [] }];
        return Task.CompletedTask;
    }
}
