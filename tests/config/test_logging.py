"""A page that broke leaves a trace where whoever runs Spilno looks: in what the process writes."""

from __future__ import annotations

import io
import logging

import pytest
from django.http import HttpRequest
from django.utils.log import log_response

from spilno.interfaces.web.views import errors


def test_a_broken_page_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    handler = next(
        one for one in logging.getLogger("django.request").handlers if type(one) is logging.StreamHandler
    )
    monkeypatch.setattr(handler, "stream", written)
    request = HttpRequest()
    request.path = "/w/somewhere/"
    try:
        raise ZeroDivisionError("what broke")
    except ZeroDivisionError as error:
        response = errors.server_error(request)
        log_response("%s: %s", "Internal Server Error", request.path, response=response, exception=error)
    assert "/w/somewhere/" in written.getvalue()
    assert "ZeroDivisionError: what broke" in written.getvalue()
