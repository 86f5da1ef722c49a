"""Networks without a way in for programs: their declared data keeps the contract."""

from __future__ import annotations

from .contract import NetworkContract


class TestFacebookGroup(NetworkContract):
    network_key = "facebook_group"
