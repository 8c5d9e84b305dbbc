#!/usr/bin/env bats
# The scripts of the specification (monitoring, alerts, integration), as people have them, on our output.
# Where one was written for an older format of the output, docs/decisions.md says so.
# stores: any

bats_require_minimum_version 1.5.0
load helpers
load terminal

# Eight GPUs as in the specification's summary: two available, four in use, two used without reservation.
eight() {
	pool 8
	fake_state '{"gpus": [
		{"index": 5, "memory_used_mb": 2000, "processes": [{"pid": 99999991, "name": "python3"}]},
		{"index": 7, "memory_used_mb": 3000, "processes": [{"pid": 99999992, "name": "jupyter"}]}]}'
	chg_ok reserve --gpu-ids 1,3 --user alice
	chg_ok reserve --gpu-ids 2,4 --user bob
}

# script NAME: puts a script from standard input into the world; a stand-in sends no mail and no time.
script() {
	cat >"$WORLD/bin/$1"
	chmod +x "$WORLD/bin/$1"
}

@test "gpu_metrics.sh" {
	eight
	script gpu_metrics.sh <<-'END'
		#!/bin/bash
		# gpu_metrics.sh - Export metrics for monitoring
		STATUS=$(canhazgpu status)
		# Count GPU states
		AVAILABLE=$(echo "$STATUS" | grep "AVAILABLE" | wc -l)
		IN_USE=$(echo "$STATUS" | grep "IN USE by" | wc -l)
		UNAUTHORIZED=$(echo "$STATUS" | grep "WITHOUT RESERVATION" | wc -l)
		# Export metrics
		echo "gpu_available $AVAILABLE"
		echo "gpu_in_use $IN_USE"
		echo "gpu_unreserved $UNAUTHORIZED"
		echo "gpu_total $((AVAILABLE + IN_USE + UNAUTHORIZED))"
	END
	# "IN USE by" is the text of an older version: the specification's own table says IN_USE.
	assert_equal "$(in_world gpu_metrics.sh)" $'gpu_available 2\ngpu_in_use 0\ngpu_unreserved 2\ngpu_total 4'
	sed -i 's/IN USE by/IN_USE/' "$WORLD/bin/gpu_metrics.sh"
	assert_equal "$(in_world gpu_metrics.sh)" $'gpu_available 2\ngpu_in_use 4\ngpu_unreserved 2\ngpu_total 8'
}

@test "the log, and its analysis" {
	eight
	script log.sh <<-'END'
		#!/bin/bash
		# Capture status with timestamps
		echo "$(date): $(canhazgpu status)" >> gpu_monitoring.log
		# Analyze usage patterns
		grep "AVAILABLE" gpu_monitoring.log | wc -l
		grep "WITHOUT RESERVATION" gpu_monitoring.log | cut -d: -f2- | sort | uniq -c
	END
	cd "$WORLD"
	in_world log.sh >"$WORLD/out"
	assert_equal "$(head -n 1 "$WORLD/out")" 2
	[ "$(grep -c 'WITHOUT RESERVATION' "$WORLD/out")" = 2 ]
	in_world canhazgpu status >>gpu_usage_log.txt
	[ "$(grep -c 'IN_USE' gpu_usage_log.txt)" = 4 ]
}

@test "unreserved_alert.sh" {
	script mail <<-'END'
		#!/bin/sh
		echo "mail $*"; cat
	END
	script unreserved_alert.sh <<-'END'
		#!/bin/bash
		# unreserved_alert.sh
		STATUS=$(canhazgpu status)
		UNAUTHORIZED=$(echo "$STATUS" | grep "WITHOUT RESERVATION")
		if [ -n "$UNAUTHORIZED" ]; then
		echo "ALERT: Unreserved GPU usage detected!"
		echo "$UNAUTHORIZED"
		# Send notification (customize as needed)
		echo "$UNAUTHORIZED" | mail -s "GPU Policy Violation" admin@company.com
		fi
	END
	pool 8
	assert_equal "$(in_world unreserved_alert.sh)" ''
	eight_state='{"gpus": [{"index": 5, "memory_used_mb": 2000, "processes": [{"pid": 99999991, "name": "python3"}]}]}'
	fake_state "$eight_state"
	in_world unreserved_alert.sh >"$WORLD/out"
	assert_equal "$(head -n 1 "$WORLD/out")" 'ALERT: Unreserved GPU usage detected!'
	grep -q '^5 .*UNRESERVED .*2000MB used by PID 99999991 (python3)' "$WORLD/out"
	grep -q '^mail -s GPU Policy Violation admin@company.com$' "$WORLD/out"
	[ "$(grep -c '^5 ' "$WORLD/out")" = 2 ]
}

@test "capacity_alert.sh" {
	script capacity_alert.sh <<-'END'
		#!/bin/bash
		# capacity_alert.sh
		STATUS=$(canhazgpu status)
		AVAILABLE=$(echo "$STATUS" | grep "AVAILABLE" | wc -l)
		TOTAL=$(echo "$STATUS" | wc -l)
		UTILIZATION=$((100 * (TOTAL - AVAILABLE) / TOTAL))
		if [ $UTILIZATION -gt 90 ]; then
		echo "WARNING: GPU utilization at ${UTILIZATION}%"
		canhazgpu status
		fi
	END
	pool 8
	# It counts the two lines of the header as used GPUs, as it does on the specification's own table.
	assert_equal "$(in_world capacity_alert.sh)" ''
	chg_ok reserve --gpus 8
	in_world capacity_alert.sh >"$WORLD/out"
	assert_equal "$(head -n 1 "$WORLD/out")" 'WARNING: GPU utilization at 100%'
	[ "$(grep -c IN_USE "$WORLD/out")" = 8 ]
}

@test "wait_for_gpu.sh" {
	# Its pause is over when another reservation has been given back.
	script sleep <<-'END'
		#!/bin/sh
		canhazgpu release
	END
	script python <<-'END'
		#!/bin/sh
		echo "python $* on $CUDA_VISIBLE_DEVICES"
	END
	script wait_for_gpu.sh <<-'END'
		#!/bin/bash
		# wait_for_gpu.sh - Wait until GPUs become available
		echo "Waiting for GPUs to become available..."
		while true; do
		AVAILABLE=$(canhazgpu status | grep "AVAILABLE" | wc -l)
		if [ $AVAILABLE -ge 2 ]; then
		echo "GPUs available! Starting job..."
		canhazgpu run --gpus 2 -- python train.py
		break
		fi
		echo "Only $AVAILABLE GPUs available, waiting..."
		sleep 60
		done
	END
	pool 2
	chg_ok reserve --gpus 1
	assert_equal "$(in_world wait_for_gpu.sh 2>"$WORLD/err")" 'Waiting for GPUs to become available...
Only 1 GPUs available, waiting...
Released 1 GPU(s): [0]
GPUs available! Starting job...
python train.py on 0,1'
}

@test "Python, with JSON" {
	eight
	script gpus.py <<-'END'
		#!/usr/bin/python3
		import subprocess
		import json
		import time
		from datetime import datetime, timezone
		def get_gpu_status():
		    """Get GPU status as structured data using JSON output"""
		    result = subprocess.run(['canhazgpu', 'status', '--json'],
		                            capture_output=True, text=True)
		    if result.returncode != 0:
		        raise RuntimeError(f"Status check failed: {result.stderr}")
		    return json.loads(result.stdout)
		def get_available_gpus():
		    """Get list of available GPU IDs"""
		    status = get_gpu_status()
		    return [gpu['gpu_id'] for gpu in status if gpu['status'] == 'AVAILABLE']
		def get_gpu_by_user(username):
		    """Get GPUs reserved by a specific user"""
		    status = get_gpu_status()
		    return [gpu for gpu in status if gpu.get('user') == username]
		def check_unreserved_usage():
		    """Check for unreserved GPU usage"""
		    status = get_gpu_status()
		    unreserved = [gpu for gpu in status if gpu['status'] == 'UNRESERVED']
		    if unreserved:
		        print("WARNING: Unreserved GPU usage detected!")
		        for gpu in unreserved:
		            users = gpu.get('unreserved_users', [])
		            process_info = gpu.get('process_info', 'Unknown processes')
		            print(f" GPU {gpu['gpu_id']}: Users {users} - {process_info}")
		    return unreserved
		def get_gpu_utilization():
		    """Calculate GPU utilization statistics"""
		    status = get_gpu_status()
		    total = len(status)
		    available = len([gpu for gpu in status if gpu['status'] == 'AVAILABLE'])
		    in_use = len([gpu for gpu in status if gpu['status'] == 'IN_USE'])
		    unreserved = len([gpu for gpu in status if gpu['status'] == 'UNRESERVED'])
		    return {
		        'total': total,
		        'available': available,
		        'in_use': in_use,
		        'unreserved': unreserved,
		        'utilization_percent': ((in_use + unreserved) / total) * 100
		    }
		# Usage examples
		print("Available GPUs:", get_available_gpus())
		print("Utilization:", get_gpu_utilization())
		check_unreserved_usage()
		print([gpu['gpu_id'] for gpu in get_gpu_by_user('alice')])
		for gpu in get_gpu_status():
		    if 'expiry_time' in gpu:
		        expiry = datetime.fromisoformat(gpu['expiry_time'][:19] + '+00:00')
		        assert expiry > datetime.now(timezone.utc)
	END
	assert_equal "$(in_world gpus.py)" "Available GPUs: [0, 6]
Utilization: {'total': 8, 'available': 2, 'in_use': 4, 'unreserved': 2, 'utilization_percent': 75.0}
WARNING: Unreserved GPU usage detected!
 GPU 5: Users ['unknown'] - 2000MB used by PID 99999991 (python3)
 GPU 7: Users ['unknown'] - 3000MB used by PID 99999992 (jupyter)
[1, 3]"
	forget_pool
	run -1 in_world gpus.py
	[[ $output == *'RuntimeError: Status check failed: Error: '*'canhazgpu admin'* ]]
}

@test "Python, with text: written for a format of older versions" {
	eight
	script legacy.py <<-'END'
		#!/usr/bin/python3
		import subprocess
		import re
		import time
		def get_gpu_status_legacy():
		    """Parse canhazgpu status text output (legacy method)"""
		    result = subprocess.run(['canhazgpu', 'status'],
		                            capture_output=True, text=True)
		    if result.returncode != 0:
		        raise RuntimeError(f"Status check failed: {result.stderr}")
		    status = {}
		    for line in result.stdout.strip().split('\n'):
		        if line.startswith('GPU '):
		            gpu_id = int(line.split(':')[0].split()[1])
		            if 'AVAILABLE' in line:
		                status[gpu_id] = 'available'
		            elif 'WITHOUT RESERVATION' in line:
		                status[gpu_id] = 'unreserved'
		            elif 'IN USE' in line:
		                status[gpu_id] = 'reserved'
		    return status
		print(get_gpu_status_legacy())
	END
	# It expects lines "GPU 0: AVAILABLE". The header of today's table begins with "GPU ", too.
	run -1 in_world legacy.py
	[[ $output == *"ValueError: invalid literal for int() with base 10: 'STATUS'"* ]]
	# The same on the specification's own table: what the function needs is a number as first word.
	sed -i "s/line.startswith('GPU ')/line[:1].isdigit()/; s/line.split(':')\[0\].split()\[1\]/line.split()[0]/
		s/'IN USE'/'IN_USE'/" "$WORLD/bin/legacy.py"
	assert_equal "$(in_world legacy.py)" "{0: 'available', 1: 'reserved', 2: 'reserved', 3: 'reserved', \
4: 'reserved', 5: 'unreserved', 6: 'available', 7: 'unreserved'}"
}

@test "watch -n 30 canhazgpu status" {
	eight
	terminal 120 20
	enter 'watch -n 30 canhazgpu status'
	wait_until 'screen_has "Every 30"'
	wait_until 'screen_has "WITHOUT RESERVATION"'
	[ "$(screen | grep -c IN_USE)" = 4 ]
	press C-c
}
