"""What the component tags of ``templatetags/ui.py`` compute, by what they are: marks, surfaces, numbers, fields."""
