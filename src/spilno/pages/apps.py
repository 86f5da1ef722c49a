from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "spilno.pages"
    label = "pages"
