from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "spilno.channels"
    label = "channels"
