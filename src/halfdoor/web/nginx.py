"""The configuration of an nginx that stands in front: TLS and bytes are its work, deciding is not."""

from __future__ import annotations

import msgspec

INTERNAL = "/_blobs/"  # where X-Accel-Redirect points; nobody outside reaches it
DELIVERY_HEADER = (
    "X-Halfdoor-Delivery"  # from this server to nginx, which writes it down and passes it to nobody
)

_TEMPLATE = """\
# nginx in front of Halfdoor, written by: halfdoor serve --home {home} --print-nginx
# Put it into /etc/nginx/conf.d/halfdoor.conf, then: nginx -t && nginx -s reload
#
# In {settings}, so that nginx sends the files and says how much it sent:
#   offload = "nginx"
#   access_log = "{access_log}"
#   proxy = ["127.0.0.1"]
#   public_url = "{url}"
#
# nginx's user has to reach the files of models, and nobody else:
#   chgrp -R www-data {blobs} && chmod -R g+rX,o= {blobs} && chmod g+s {blobs}

upstream halfdoor {{
    server {address};
    keepalive 64;
}}

# A delivery's id comes with the answer; what was sent of it is written down under that id.
map $upstream_http_x_halfdoor_delivery $halfdoor_delivers {{
    ""      0;
    default 1;
}}
log_format halfdoor_deliveries escape=json
    '{{"delivery":"$upstream_http_x_halfdoor_delivery","sent_bytes":$body_bytes_sent,"status":$status,"at":$msec}}';

# No more connections from one address than this, and no more requests a second.
limit_conn_zone $binary_remote_addr zone=halfdoor_connections:10m;
limit_req_zone $binary_remote_addr zone=halfdoor_requests:10m rate=50r/s;

server {{
    listen {listen};
    server_name {name};

    # With TLS, which everybody but a test needs:
    #listen 443 ssl http2;
    #ssl_certificate     /etc/letsencrypt/live/{name}/fullchain.pem;
    #ssl_certificate_key /etc/letsencrypt/live/{name}/privkey.pem;
    #ssl_protocols TLSv1.2 TLSv1.3;
    #add_header Strict-Transport-Security "max-age=31536000" always;

    server_tokens off;
    access_log {access_log} halfdoor_deliveries if=$halfdoor_delivers;

    client_max_body_size 8m;
    client_header_timeout 15s;
    client_body_timeout 30s;
    send_timeout 60s;
    limit_conn halfdoor_connections 100;
    limit_conn_status 429;
    limit_req zone=halfdoor_requests burst=200 nodelay;
    limit_req_status 429;

    location / {{
        proxy_pass http://halfdoor;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        # Not $proxy_add_x_forwarded_for: what a client claims about itself is not passed on.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Forwarded "";
        proxy_hide_header {delivery};
        proxy_buffering off;        # what is cut off here is cut off there
        proxy_request_buffering on; # slow senders wait here
        proxy_read_timeout 120s;
    }}

    # The application alone says who gets a file; nginx sends it. Only answers of the application lead here.
    location {internal} {{
        internal;
        alias {blobs}/;
        # A header set here is sent for answers of every kind; those of the application that clients need.
        etag off;
        if_modified_since off;
        max_ranges 1;               # as the application counts them
        add_header ETag $upstream_http_etag always;
        add_header X-Repo-Commit $upstream_http_x_repo_commit always;
        add_header X-Request-Id $upstream_http_x_request_id always;
        add_header X-HF-Warning $upstream_http_x_hf_warning always;
        add_header X-Content-Type-Options nosniff always;
        add_header Cache-Control "private, no-store" always;
        sendfile on;
        sendfile_max_chunk 1m;
        tcp_nopush on;
    }}

    # Anybody may check the log, also while the application is down.
    location /log/ {{
        alias {log}/;
        add_header Access-Control-Allow-Origin * always;
        add_header Cache-Control "public, max-age=31536000, immutable";
        location = /log/checkpoint {{
            alias {log}/checkpoint;
            default_type text/plain;
            add_header Access-Control-Allow-Origin * always;
            add_header Cache-Control no-store always;
        }}
    }}

    # Numbers are for this machine alone.
    location = /metrics {{
        return 404;
    }}
}}
"""


class Front(msgspec.Struct, frozen=True):
    """What the configuration has to know. Paths are absolute.

    address: where this server listens for nginx, host:port
    listen:  where nginx listens
    name:    its name to the outside
    url:     the same as an address, with scheme
    """

    home: str
    settings: str
    address: str
    listen: str
    name: str
    url: str
    blobs: str
    log: str
    access_log: str


def nginx_config(front: Front) -> str:
    """The configuration, whole. Raises ValueError where a path cannot be written into it."""
    values = msgspec.to_builtins(front)
    for value in values.values():
        if not value or set(value) & set(" \t\n\"'{};$\\"):
            raise ValueError(f"{value!r} cannot stand in nginx's configuration")
    return _TEMPLATE.format(**values, delivery=DELIVERY_HEADER, internal=INTERNAL)
