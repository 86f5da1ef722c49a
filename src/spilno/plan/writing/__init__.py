"""What surrounds the writing of a post: its versions, who is at it just now, what was typed and not saved."""
