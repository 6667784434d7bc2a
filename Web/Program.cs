var b = WebApplication.CreateBuilder(); b.Build().Run();
