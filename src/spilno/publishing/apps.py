from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "spilno.publishing"
    label = "publishing"
