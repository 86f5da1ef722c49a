from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "spilno.publishing"
    label = "publishing"

    def ready(self) -> None:
        from spilno.channels.hooks import expects, resumes
        from spilno.publishing import resuming

        resumes.append(resuming.resume)
        expects.append(resuming.expected)
