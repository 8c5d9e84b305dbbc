-- What 0.1.0 asks for, in the order in which it loads a pool; the history as its function keep_record gets it.
PRAGMA application_id;
PRAGMA user_version;
SELECT provider, (SELECT count(*) FROM gpus), EXISTS (SELECT 1 FROM queue) FROM pool;
SELECT id, uuid, last_released_ns, version, drained_by, drained_ns FROM gpus ORDER BY id;
SELECT r.key, g.id, r.id, user, account, uid, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns, note, queue_id, host,
 boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks
 FROM reservations r JOIN gpus g ON g.reservation_id = r.id ORDER BY r.key, g.id;
SELECT id, version, user, account, uid, type, requested_count, duration_ns, note, enqueued_ns, heartbeat_ns, give_up_ns,
 host, boot_id, command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks FROM queue
 ORDER BY enqueued_ns, id;
SELECT w.id, role = 'collected', gpu FROM queue w JOIN queue_gpus g ON g.queue_id = w.id
 ORDER BY w.enqueued_ns, w.id, role, gpu;
SELECT end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor FROM usage_history
 WHERE (end_ns, key) > (0, 0) ORDER BY end_ns, key LIMIT 256;
