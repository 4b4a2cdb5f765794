// The documentation of the API: Swagger UI over what the server says of itself.

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null, // else the document would be sent to a validator on the web
});
