from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "spilno.reports"
    label = "reports"
