from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "spilno.exchange"
    label = "exchange"
