"""A start that was refused, as an administrator finds it later: from the audit to what each step said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from portcall.client.api import Client
from portcall.errors import NoServerFits
from portcall.model.start import StartRequest
from tests.features.administration import Site, administration
from tests.features.server import Server


@pytest.fixture(scope="module")
def client(own_server: Server) -> Iterator[Client]:
    with own_server.by_link() as client:
        yield client


@pytest.fixture(scope="module")
def site(own_server: Server) -> Iterator[Site]:
    with administration(own_server) as site:
        yield site


def test_the_audit_leads_to_why_each_server_was_left_out(site: Site, client: Client) -> None:
    source = "function() { console.log('no licence is left'); return []; }"
    client.put_document("functions", "licences", {"kind": "start-balance", "name": "Licences", "source": source})
    client.put_document("chains", "start", {"steps": ["function:licences", "fewest_sessions"]})
    server_id = client.servers()[0]["serverId"]
    with pytest.raises(NoServerFits, match=f"does not hold for {server_id}") as refused:
        client.start(StartRequest("true"))
    start_id = refused.value.extra["trace"]

    page = site.go("system/audit")
    page.get_by_role("link", name=start_id[:10]).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A start without a session")
    expect(page.get_by_text("Nearest miss")).to_contain_text("the function Licences keeps it")
    expect(page.get_by_label("What Licences logged")).to_have_text("no licence is left")
    expect(page.get_by_role("region", name="Servers that were weighed")).to_contain_text(server_id)
    client.delete_document("chains", "start")
    client.delete_document("functions", "licences")
