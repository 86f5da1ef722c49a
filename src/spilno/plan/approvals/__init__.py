"""Who has to agree before a post may leave, and who did.

An approval belongs to exactly what was seen: every decision carries a mark of the content, and counts only as long as
the content has that mark. So nothing has to be kept in step: whether a variant may leave is computed from rules and
decisions whenever somebody asks, last at the moment of sending.
"""
