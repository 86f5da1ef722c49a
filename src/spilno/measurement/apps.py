from django.apps import AppConfig


class MeasurementConfig(AppConfig):
    name = "spilno.measurement"
    label = "measurement"
