"""An empty grpcio aio server: any RequestContact, an empty answer. Says where it listens as `repit serve` does."""

import asyncio
import json
import sys

import grpc


async def answer(_request: bytes, _context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
    """Nothing, as soon as it can."""
    return b""


async def serve() -> None:
    """Serve on a free port of loopback until the process is ended."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "RequestContact": grpc.unary_unary_rpc_method_handler(answer)
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("repit.v1.ArbitrationService", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stderr.write(json.dumps({"event": "serving", "address": f"127.0.0.1:{port}"}) + "\n")
    sys.stderr.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
