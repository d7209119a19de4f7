"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from nodes.api import api

admin.site.site_header = admin.site.site_title = "Ferry users and roles"

urlpatterns = [
    path("", include("nodes.urls")),
    path("api/v1/", api.urls),
    path(
        "account/login/",
        auth_views.LoginView.as_view(
            template_name="account/login.html", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("account/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path(
        "account/password/",
        auth_views.PasswordChangeView.as_view(
            template_name="account/password.html", success_url="/account/"
        ),
        name="password",
    ),
    path("admin/", admin.site.urls),
]
