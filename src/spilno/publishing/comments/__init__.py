"""The first comment: words that follow a post under it, once, as soon as it is out."""
