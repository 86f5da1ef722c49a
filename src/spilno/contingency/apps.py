from django.apps import AppConfig


class ContingencyConfig(AppConfig):
    name = "spilno.contingency"
    label = "contingency"
