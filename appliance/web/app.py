"""The pages and their addresses.

    GET  /                       what an administrator wants to know
    GET  /studies?state=&page=   studies in a state, or all
    GET  /studies/UID            one study: history, reasons, what each destination has
    GET  /studies/UID/report.pdf the PDF, for operators only
    GET  /studies/UID/choose     what arrived, to choose series and segments from, for operators only
    GET, POST /sign-in           token to session
    POST /sign-out, /actions     forms of a session
    GET  /metrics                for Prometheus
    GET  /live, /ready           probes; why not, one reason per line
    GET  /style.css
    POST /dicom-web/studies      images by STOW-RS (`stow`)

No JavaScript and nothing from outside, so the content policy can forbid everything. Nothing here names a patient but
the PDF. Reading is the work of threads: SQLite and files, and a page never waits for a peer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.service.audit import told_at_once
from appliance.service.operator import REASON_LIMIT
from appliance.service.study_status import accession_numbers, pdf_of, short_ids
from appliance.settings import Settings
from appliance.state.operator_actions import Action
from appliance.state.outbox import PDF
from appliance.state.record_rows import UnknownStudy, utc_now
from appliance.state.states import State
from appliance.web.actions import Form, perform
from appliance.web.choice import offer
from appliance.web.metrics import EXPOSITION, Metrics
from appliance.web.overview import Overview, StudyRow, overview, study_page
from appliance.web.session import Session, Sessions
from appliance.web.stow import StowDoor
from appliance.web.watch import Watch
from models.errors import RDeepNetError, SetupError
from models.number_words import age_in_words
from models.version import software_version

PAGES = Path(__file__).with_name("pages")
STUDIES_PER_PAGE = 50
LISTED = 20  # refused and failed studies on the front page, and drafts
FORM_LIMIT = 64 * 1024  # bytes: hundreds of studies

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would not say where a form comes from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_UID = re.compile(r"[0-9][0-9.]{0,63}")


class Refused(HTTPException):
    """A request that is answered with a sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(status, sentence)


class SecureHeaders:
    """Puts the headers of `HEADERS` on every response, whoever made it."""

    def __init__(self, app: ASGIApp, is_secured: bool) -> None:
        self._app = app
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if is_secured else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class Site:
    """The pages of one service."""

    def __init__(self, settings: Settings, *, sessions: Sessions, watch: Watch, is_secured: bool) -> None:
        self._settings = settings
        self._sessions = sessions
        self._watch = watch
        self._metrics = Metrics(settings)
        self._is_secured = is_secured
        # The prefix __Host- binds a cookie to this host and HTTPS.
        self._cookie = "__Host-rdeepnet" if is_secured else "rdeepnet"
        self._notices: dict[str, tuple[str, ...]] = {}  # session → outcomes of its last form, shown once
        self._pages = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters["age"] = lambda moment: age_in_words(utc_now() - moment)
        self._pages.filters["local"] = lambda moment: f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
        self._pages.globals.update(
            State=State,
            Action=Action,
            version=software_version(),
            title_of_us=settings.service.ae_title,
            reason_limit=REASON_LIMIT,
        )

    def routes(self) -> list[Route]:
        """Addresses."""
        return [
            Route("/", self.front),
            Route("/studies", self.studies),
            Route("/studies/{uid}", self.study),
            Route("/studies/{uid}/report.pdf", self.pdf),
            Route("/studies/{uid}/choose", self.choose),
            Route("/sign-in", self.sign_in_form),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/actions", self.act, methods=["POST"]),
            Route("/metrics", self.metrics),
            Route("/live", self.live),
            Route("/ready", self.ready),
            Route("/style.css", self.style),
        ]

    def front(self, request: Request) -> Response:
        """The state of everything an administrator looks after."""
        view = overview(self._settings)
        return self._page(
            request,
            "front.html",
            view=view,
            around=self._watch.seen,
            settings=self._settings,
            **self._names(view, [*view.attention[:LISTED], *view.drafts[:LISTED]]),
        )

    def studies(self, request: Request) -> Response:
        """Studies in a state, or all."""
        wanted = request.query_params.get("state", "")
        if wanted and wanted not in list(State):
            raise Refused(HTTPStatus.BAD_REQUEST, f"No state is called that; expected one of {', '.join(State)}.")
        number = request.query_params.get("page", "1")
        if not re.fullmatch(r"[1-9][0-9]{0,5}", number):
            raise Refused(HTTPStatus.BAD_REQUEST, "The number of the page is not one; expected 1, 2, 3 …")
        view = overview(self._settings)
        rows = [row for row in view.studies if not wanted or row.state == wanted]
        first = (int(number) - 1) * STUDIES_PER_PAGE
        return self._page(
            request,
            "studies.html",
            view=view,
            rows=rows[first : first + STUDIES_PER_PAGE],
            wanted=wanted,
            **self._names(view, rows[first : first + STUDIES_PER_PAGE]),
            number=int(number),
            pages=max(1, -(-len(rows) // STUDIES_PER_PAGE)),
            total=len(rows),
        )

    def study(self, request: Request) -> Response:
        """One study."""
        return self._page(request, "study.html", page=study_page(self._settings, _uid(request)))

    def pdf(self, request: Request) -> Response:
        """The PDF of a study; it names the patient, so it is for operators only."""
        session = self._session(request)
        if session is None:
            raise Refused(HTTPStatus.FORBIDDEN, "The report names the patient: sign in to read it.")
        detail = study_page(self._settings, _uid(request)).detail
        pdf = pdf_of(self._settings, detail)
        if not pdf:
            raise Refused(HTTPStatus.NOT_FOUND, "This study has no report at the moment.")
        uid, operator = detail.record.study_uid, session.operator
        told_at_once(self._settings, lambda audit: audit.read(uid, by=operator, address=_address(request)))
        shown = {"Content-Disposition": f'inline; filename="{PDF}"'}
        return Response(pdf, media_type="application/pdf", headers=shown)

    def choose(self, request: Request) -> Response:
        """The series and segments that arrived, with their roles; descriptions may name anything, so for operators."""
        if self._session(request) is None:
            raise Refused(HTTPStatus.FORBIDDEN, "Sign in to choose series.")
        page = study_page(self._settings, _uid(request))
        return self._page(request, "choose.html", page=page, offer=offer(self._settings, page.detail.record.study_uid))

    def metrics(self, request: Request) -> Response:
        """Figures for Prometheus."""
        return PlainTextResponse(self._metrics.text(self._watch.seen), media_type=EXPOSITION)

    def live(self, request: Request) -> Response:
        """This process answers; the service has `rdeepnet health`."""
        return PlainTextResponse("live\n")

    def ready(self, request: Request) -> Response:
        """The service receives and works, as it was at the last look; else the reasons."""
        around = self._watch.seen
        reasons = ["The service has not been looked at yet."]
        if around is not None:
            reasons = [*around.service, *around.worker, *around.problems]
        return PlainTextResponse(
            "".join(f"{reason}\n" for reason in reasons) or "ready\n",
            HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK,
        )

    def style(self, request: Request) -> Response:
        """The style sheet."""
        return FileResponse(PAGES / "style.css", media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def sign_in_form(self, request: Request) -> Response:
        """The form for a token."""
        return self._page(request, "sign_in.html", mistake="")

    async def sign_in(self, request: Request) -> Response:
        """Token to session."""
        _check_origin(request)
        form = await _form(request)
        session = await run_in_threadpool(self._sessions.sign_in, form.get("token", ("",))[0])
        await run_in_threadpool(self._tell_signed, request, session.operator if session is not None else "")
        if session is None:
            again = self._page(request, "sign_in.html", mistake="No operator has this token.")
            again.status_code = HTTPStatus.FORBIDDEN
            return again
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        response.set_cookie(
            self._cookie, session.cookie, httponly=True, samesite="strict", secure=self._is_secured, path="/"
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """Session to nothing."""
        session, _ = await self._signed_form(request)
        self._sessions.sign_out(session)
        await run_in_threadpool(self._tell_signed, request, session.operator, out=True)
        self._notices.pop(session.cookie, None)
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        response.delete_cookie(self._cookie, path="/", httponly=True, samesite="strict", secure=self._is_secured)
        return response

    async def act(self, request: Request) -> Response:
        """One action on one study or many; its outcomes are on the next page."""
        session, fields = await self._signed_form(request)
        form = Form.parse(fields)
        outcomes = await run_in_threadpool(perform, self._settings, form, by=f"{session.operator} (page)")
        self._notices[session.cookie] = outcomes
        return RedirectResponse(form.back, HTTPStatus.SEE_OTHER)

    def _tell_signed(self, request: Request, operator: str, *, out: bool = False) -> None:
        """Tell the audit trail who signed in or out; "" for somebody whose token is not known."""
        told_at_once(self._settings, lambda audit: audit.signed(operator, address=_address(request), out=out))

    def refused(self, request: Request, error: Exception) -> Response:
        """A page with the sentence of an error."""
        sentence, status = str(error), HTTPStatus.BAD_REQUEST
        if isinstance(error, HTTPException):
            sentence, status = error.detail, HTTPStatus(error.status_code)
        elif isinstance(error, UnknownStudy):
            status = HTTPStatus.NOT_FOUND
        elif isinstance(error, SetupError):  # no state folder yet, or records that cannot be read now
            status = HTTPStatus.SERVICE_UNAVAILABLE
        response = self._page(request, "refused.html", status=status, sentence=sentence)
        response.status_code = status
        return response

    def _names(self, view: Overview, rows: Sequence[StudyRow]) -> dict[str, Mapping[str, str]]:
        """Short names of all studies, and Accession Numbers of those on a page, where the settings show them."""
        is_short = self._settings.status.short_ids
        return {
            "names": short_ids(row.study_uid for row in view.studies) if is_short else {},
            "numbers": accession_numbers(self._settings, [row.study_uid for row in rows]),
        }

    def _session(self, request: Request) -> Session | None:
        return self._sessions.of_cookie(request.cookies.get(self._cookie, ""))

    async def _signed_form(self, request: Request) -> tuple[Session, Mapping[str, tuple[str, ...]]]:
        """Session and fields of a form that came from one of its pages."""
        _check_origin(request)
        fields = await _form(request)
        session = await run_in_threadpool(self._session, request)
        if session is None:
            raise Refused(HTTPStatus.FORBIDDEN, "You are not signed in, or no longer: sign in and try again.")
        if not self._sessions.is_form_of(session, fields.get("csrf", ("",))[0]):
            raise Refused(HTTPStatus.FORBIDDEN, "The form is not of this session: load the page again and repeat.")
        return session, fields

    def _page(self, request: Request, name: str, **values: object) -> HTMLResponse:
        session = self._session(request)
        notices = self._notices.pop(session.cookie, ()) if session is not None and name != "refused.html" else ()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        content = self._pages.get_template(name).render(
            session=session, can_sign_in=self._sessions.can_sign_in, notices=notices, here=path, **values
        )
        return HTMLResponse(content)


def make_app(
    settings: Settings, *, sessions: Sessions, watch: Watch, is_secured: bool, stow: StowDoor | None = None
) -> Starlette:
    """The application; it listens nowhere by itself."""
    site = Site(settings, sessions=sessions, watch=watch, is_secured=is_secured)
    names = ["localhost", "127.0.0.1", "[::1]", settings.web.host, *settings.web.names]
    return Starlette(
        routes=[*site.routes(), *(stow.routes() if stow is not None else ())],
        middleware=[
            Middleware(SecureHeaders, is_secured=is_secured),
            Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False),
        ],
        exception_handlers={HTTPException: site.refused, RDeepNetError: site.refused},
    )


def _address(request: Request) -> str:
    """Address that a request came from: a proxy's where there is one."""
    return request.client.host if request.client is not None else ""


def _uid(request: Request) -> str:
    uid = str(request.path_params["uid"])
    if not _UID.fullmatch(uid):
        raise Refused(HTTPStatus.NOT_FOUND, "This is no Study Instance UID.")
    return uid


async def _form(request: Request) -> Mapping[str, tuple[str, ...]]:
    """Field → its values."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The form is longer than {FORM_LIMIT} bytes.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "The form cannot be read; expected URL-encoded fields.") from error
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    return fields


def _check_origin(request: Request) -> None:
    """Refuses a form that a browser sends for another site."""
    origin = request.headers.get("origin", "")
    is_foreign = bool(origin) and urlsplit(origin).netloc != request.headers.get("host", "")
    if is_foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(HTTPStatus.FORBIDDEN, "The form comes from another site.")
