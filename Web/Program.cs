using Hyperpatch.Web.Startup;

return await EntryPoint.RunAsync(args);
