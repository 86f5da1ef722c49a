"""Every code that this package gives, so that whoever shows messages can be held to have one for each.

A test compares both sets with the source.
"""

from __future__ import annotations

ERRORS = frozenset(
    {
        "account_blocked",  # message
        "address_bad",  # address
        "answer_too_large",  # —
        "api_not_enabled",  # host, message
        "app_refused",  # host, message
        "app_unaudited",  # —
        "bad_address",  # host
        "cannot_delete",  # message
        "certificate_refused",  # host
        "chat_moved",  # —
        "code_refused",  # host, message
        "comments_closed",  # host, message
        "connection_lost",  # host
        "contradiction",  # rkey
        "credentials_missing",  # field
        "delete_by_hand",  # —
        "duplicate_post",  # host, message
        "forbidden",  # host, message
        "may_not_post",  # —
        "media_needs_public_address",  # —
        "media_processing",  # seconds
        "media_refused",  # message
        "media_required",  # —
        "media_too_large",  # host
        "media_unreachable",  # host, message
        "media_unreadable",  # —
        "media_uploading",  # seconds
        "media_wrong_format",  # host, message
        "media_wrong_shape",  # host, message
        "no_account_behind_token",  # —
        "no_channel",  # host, message
        "no_encryption",  # host
        "not_accepted",  # host, message
        "not_found",  # host, message
        "not_json",  # host
        "preparation_expired",  # seconds
        "quota_spent",  # host, message, seconds
        "rate_limited",  # host, seconds
        "recipients_refused",  # host, message
        "redirected",  # host, to
        "refused",  # host, message
        "rights_missing",  # host, message
        "room_encrypted",  # room
        "server_error",  # host, message
        "timeout",  # host
        "title_missing",  # —
        "too_many_recipients",  # limit
        "unexpected_answer",  # field
        "unreachable",  # host
        "upload_limit",  # host, message, seconds
        "version_retired",  # host, message
        "video_duplicate",  # reason
        "video_failed",  # reason
        "video_rejected",  # reason
        "video_too_long_for_channel",  # reason
    }
)
"""Codes of :class:`NetworkError`, each with the parameters that it may (but need not) have."""

PROBLEMS = frozenset(
    {
        "alt_missing",
        "document_too_long",
        "hashtags_too_many",
        "image_too_big",
        "image_too_small",
        "link_by_hand",
        "link_not_an_address",
        "link_not_clickable",
        "media_mixed",
        "media_required",
        "media_too_few",
        "media_too_large",
        "media_too_many",
        "media_wrong_type",
        "mentions_too_many",
        "ratio_not_best",
        "ratio_out_of_range",
        "text_empty",
        "text_not_shown",
        "text_too_long",
        "title_too_long",
        "video_ratio_not_best",
        "video_ratio_out_of_range",
        "video_too_fast",
        "video_too_long",
        "video_too_short",
        "video_too_small",
    }
)
"""Codes of :class:`spilno.toolkit.networks.check.Problem`."""
