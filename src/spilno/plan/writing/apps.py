from django.apps import AppConfig


class WritingConfig(AppConfig):
    name = "spilno.plan.writing"
    label = "writing"
