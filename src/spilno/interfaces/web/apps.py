from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "spilno.interfaces.web"
    label = "web"
