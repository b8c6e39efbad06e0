"""The keywords of vrrp_sync_group."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import Lines, Table, Value, first
from vrrpd_fast.config.conf.keywords_instance import NO_MAIL

VRRP_SYNC_GROUP: Table = {
    "group": Lines(values.text, words=True),
    "track_interface": Lines(values.tracked_interface),
    "track_script": Lines(values.tracked),
    "track_probe": Lines(values.tracked),
    "track_file": Lines(values.tracked),
    "track_process": Lines(values.tracked),
    "track_bfd": Lines(values.tracked),
    "sync_group_tracking_weight": Value(values.flag),
    "global_tracking": Value(values.flag, key="sync_group_tracking_weight"),  # of 1.x; the same since 2.0
    "notify_master": Value(values.command, keeps=first),
    "notify_backup": Value(values.command, keeps=first),
    "notify_fault": Value(values.command, keeps=first),
    "notify_stop": Value(values.command, keeps=first),
    "notify": Value(values.command, keeps=first),
    "notify_priority_changes": Value(values.boolean),
    "smtp_alert": NO_MAIL,
}
