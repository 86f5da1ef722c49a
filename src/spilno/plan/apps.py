from django.apps import AppConfig


class PlanConfig(AppConfig):
    name = "spilno.plan"
    label = "plan"
