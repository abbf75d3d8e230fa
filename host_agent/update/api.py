"""The API's part about updates: an administrator's word that a terminal may try again what failed."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from host_agent import api_body, counter_api
from host_agent.refusal import Refusal
from host_agent.update.updates import Updates


class UpdateApi:
    """Answer out of the agent's updates."""

    def __init__(self, updates: Updates) -> None:
        """Keep them."""
        self._updates = updates

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [Route("/api/v1/updates/{terminal}/retry", self._retry, methods=["POST"])]

    async def _retry(self, request: Request) -> Response:
        counter_api.require_whole(request)
        await api_body.read(request, ())
        terminal = request.path_params["terminal"]
        if not self._updates.retry(terminal):
            what = f"no update of terminal {terminal[:20]!r} has failed"
            raise Refusal(404, "no_failed_update", what, "see `yiping update status`")
        return JSONResponse({"terminal": terminal})
