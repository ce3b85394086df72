// Checks Altgate's signed assertions in an ASP.NET Core service (.NET 8 or newer). Needs the package
// Microsoft.AspNetCore.Authentication.JwtBearer, and `algorithm: ES256`: the platform has no Ed25519.
//
//   builder.Services.AddAltgateAssertions(gateway: "https://git.example.com", self: "https://tfs.internal");
//   ...
//   app.UseAuthentication();
//   app.UseAuthorization();
//   app.MapControllers().RequireAuthorization();      // User.Identity.Name is the primary user name

using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

public static class AltgateAssertions
{
    /// <param name="gateway">publicUrl of the gateway, as its settings have it.</param>
    /// <param name="self">Scheme, host and port of this service, as the account's upstream has it.</param>
    public static void AddAltgateAssertions(this IServiceCollection services, string gateway, string self) =>
        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(options =>
        {
            options.MapInboundClaims = false;
            options.ConfigurationManager = new ConfigurationManager<OpenIdConnectConfiguration>(
                $"{gateway}/_altgate/keys", new KeySetRetriever(), new HttpDocumentRetriever());
            options.TokenValidationParameters = new TokenValidationParameters
            {
                ValidTypes = ["altgate-assertion+jwt"],
                ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
                ValidIssuer = gateway,
                ValidAudience = self,
                ClockSkew = TimeSpan.FromSeconds(5),
                NameClaimType = "preferred_username",
            };
            options.Events = new JwtBearerEvents
            {
                OnTokenValidated = context =>
                {
                    if (!IsFor(context.HttpContext, context.Principal!, self))
                        context.Fail("The assertion is for another request.");
                    return Task.CompletedTask;
                },
            };
        });

    /// <summary>Method and path are compared byte for byte: the raw target, not the decoded path.</summary>
    private static bool IsFor(HttpContext http, System.Security.Claims.ClaimsPrincipal person, string self)
    {
        var path = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?', 2)[0];
        return person.FindFirst("htm")?.Value == http.Request.Method
            && person.FindFirst("htu")?.Value == self + path;
    }

    /// <summary>The gateway publishes a bare key set, without the OpenID Connect document around it.</summary>
    private sealed class KeySetRetriever : IConfigurationRetriever<OpenIdConnectConfiguration>
    {
        public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(
            string address, IDocumentRetriever retriever, CancellationToken cancel)
        {
            var configuration = new OpenIdConnectConfiguration();
            foreach (var key in new JsonWebKeySet(await retriever.GetDocumentAsync(address, cancel)).GetSigningKeys())
                configuration.SigningKeys.Add(key);
            return configuration;
        }
    }
}
