"""What colleagues and guests say to each other about a post before it goes out."""
