from django.urls import URLPattern, path
from django.http import HttpRequest, HttpResponse

def public_file(request: HttpRequest, token: str, extension: str) -> HttpResponse:
    return HttpResponse()

urlpatterns: list[URLPattern] = []
public_urlpatterns = [path("media/<str:token>.<slug:extension>", public_file, name="media-public")]
