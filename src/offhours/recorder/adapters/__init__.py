"""The interceptor chain on other libraries' tool calls: one module each, imported when wanted."""
