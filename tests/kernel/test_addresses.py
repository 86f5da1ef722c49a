from __future__ import annotations

import pytest

from spilno.kernel.addresses import is_web_address, web_address


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org",
        "http://example.org:8080/a?b=c#d",
        "https://ярмарок.укр/книги",
        "https://[2001:db8::1]/",
    ],
)
def test_addresses_of_the_web(text: str) -> None:
    assert is_web_address(text)
    assert web_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "//example.org",
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://example.org",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "https://",
        "https://exa mple.org",
        "https://example.org/\r\nSet-Cookie: a=b",
        "https://example.org/\x00",
        "https://[::1",
        "https://example.org/" + "a" * 1000,
    ],
)
def test_everything_else(text: str) -> None:
    assert not is_web_address(text)
    assert web_address(text) == ""
