"""The benchmark's work as a pyinfra deploy: a package that is there is not
sent again, and the service is restarted only if something changed."""

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import files, server, systemd

data = host.data
changes = []

installed = host.get_fact(
    Command, "rpm -q --queryformat %{SHA256HEADER} bench-data || true"
)
if installed != data.package_digest:
    changes.append(
        files.put(
            name="The package's file",
            src=data.package_file,
            dest="/var/cache/bench-data.rpm",
        )
    )
    changes.append(
        server.shell(
            name="The package is installed",
            commands=["rpm --upgrade --quiet /var/cache/bench-data.rpm"],
        )
    )

files.directory(name="The directory of the configuration", path="/etc/bench")
for name in data.files:
    changes.append(
        files.template(
            name=f"The configuration, {name}",
            src=f"{data.templates}/{name}",
            dest=f"/etc/bench/{name}",
            mode="644",
            params=data.params,
        )
    )

systemd.service(
    name="The service runs", service="bench-app.service", running=True, enabled=True
)
systemd.service(
    name="The service is restarted",
    service="bench-app.service",
    restarted=True,
    _if=lambda: any(change.did_change() for change in changes),
)
