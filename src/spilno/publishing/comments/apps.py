from django.apps import AppConfig


class CommentsConfig(AppConfig):
    name = "spilno.publishing.comments"
    label = "comments"
