"""What a file is, what a network would take, and how to make the one into the other.

No Django, no database. Everything heavy (Pillow, FFmpeg, PDFium) is imported where it is used, and files that
strangers made are opened in a child process with bounds (:mod:`spilno.toolkit.media.bounded`).
"""
