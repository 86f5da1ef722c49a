from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "spilno.community"
    label = "community"
