"""The services as gRPC hears them: bytes to the engine, messages to the catalog, errors with details."""
