"""Podman: as Docker, by podman's command line, with or without root."""

from __future__ import annotations

from portcall.launchers.docker import TEMPLATE, Docker


class Podman(Docker):
    """Its own template where there is one, else Docker's."""

    name = engine = "podman"
    title = "Podman"
    needs = ("CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF")
    back_only = "--stream=false"
    templates = ("podman.tpl", TEMPLATE)


IMPLEMENTATION = Podman
