-- Sends the request in the file args[1] again and again. Its first "@" is
-- replaced by a number that no other request of the run has: the delivery ID is
-- not signed, so each is an event of its own under the same signature.

local threads = 0

function setup(thread)
	thread:set("thread", threads)
	threads = threads + 1
end

function init(args)
	local file = assert(io.open(args[1], "rb"))
	local text = file:read("*a")
	file:close()
	local at = text:find("@", 1, true)
	head, tail = text:sub(1, at - 1), text:sub(at + 1)
	number = (thread + 1) * 100000000
end

function request()
	number = number + 1
	return head .. number .. tail
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'\nRESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"errors":%d}\n',
		summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
		e.status, e.connect + e.read + e.write + e.timeout))
end
