"""The composition root: every part of a server, made and joined here and nowhere else."""

from portcall.app.services import Services, run

__all__ = ["Services", "run"]
