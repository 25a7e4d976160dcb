"""The command table: one row gives a command its place in the help, in the reference page and in the completion.

``where`` is imported when the command is used, not before: help and completion stay fast.
"""

from __future__ import annotations

from dataclasses import dataclass

SESSIONS, LOGINS, SERVER, SHELL = "Sessions", "Logins", "Server", "This shell"
ADMINISTRATION = "What administrators write"
SECTIONS = (SESSIONS, LOGINS, SERVER, ADMINISTRATION, SHELL)


@dataclass(frozen=True)
class Row:
    """``summary`` is the first line of the command's help; ``section`` empty: not listed."""

    name: str
    where: str
    summary: str
    section: str = ""


def _row(name: str, module: str, summary: str, section: str = "") -> Row:
    return Row(name, f"portcall.cli.{module}:{name.replace('-', '_')}", summary, section)


COMMANDS: tuple[Row, ...] = (
    _row("start", "start", "Start a session: a display with a command in it.", SESSIONS),
    _row("ls", "listing", "List sessions.", SESSIONS),
    _row("info", "listing", "Show everything about a session.", SESSIONS),
    _row("connect", "connect", "Open a session in a native viewer, or offer it to one.", SESSIONS),
    _row("rename", "change", "Give a session another name.", SESSIONS),
    _row("param", "change", "List, set and remove a session's params.", SESSIONS),
    _row("extend", "extend", "Ask for more time before a session's announced end.", SESSIONS),
    _row("suspend", "ending", "Make all viewers leave; the session goes on.", SESSIONS),
    _row("terminate", "ending", "End a session.", SESSIONS),
    _row("purge", "ending", "Remove a session's record, leftovers and processes.", SESSIONS),
    _row("log", "log", "Show a session's log, or follow the server's.", SESSIONS),
    _row("screenshot", "look", "Save a picture of a session's screen.", SESSIONS),
    _row("processes", "look", "List a session's processes.", SESSIONS),
    _row("explain", "explain", "Show each step of a start: what was decided, and why.", SESSIONS),
    _row("login", "login", "Log in to a server and keep the token.", LOGINS),
    _row("logout", "login", "Log out and forget the token.", LOGINS),
    _row("whoami", "logins", "Show who the server takes you for, and what you may do.", LOGINS),
    _row("logins", "logins", "List logins, or revoke one.", LOGINS),
    _row("token", "token", "Create, list and revoke API tokens for scripts.", LOGINS),
    _row("server", "server", "Run a server, or ask the one that runs.", SERVER),
    _row("servers", "place", "List the servers.", SERVER),
    _row("settings", "settings", "List, read and change settings.", SERVER),
    _row("audit", "place", "Show who did what, to which session, from where.", SERVER),
    _row(
        "function",
        "function",
        "Try administrators' functions, and show what each kind is given and may return.",
        SERVER,
    ),
    _row("launcher", "launcher", "Show launchers, and what they would run, without a server; or try one.", SERVER),
    _row("simulate", "simulate", "Replay starts in virtual time, to compare chains of load balancing.", SERVER),
    *(
        _row(name, "documents", summary, ADMINISTRATION)
        for name, summary in (
            ("bookmarks", "List and write bookmarks: starts that administrators prepared."),
            ("forms", "List and write forms: what people are asked before a start."),
            ("functions", "List and write administrators' functions."),
            ("chains", "List and write the chains of load balancing: login and start."),
            ("profiles", "List and write profiles: limits and looks of sessions."),
            ("static-data", "List and write static data: what administrators say about a server."),
            ("permissions", "Show and write who may do what."),
        )
    ),
    Row(
        "import", "portcall.cli.import_:import_", "Take over what a site has set up in another system.", ADMINISTRATION
    ),
    _row("completion", "completion", "Print the script that completes commands and sessions.", SHELL),
    _row("link", "daemons", "Run a user's link (servers start it)."),
    _row("session", "daemons", "Run a session daemon (links start it)."),
)

BY_NAME = {row.name: row for row in COMMANDS}
