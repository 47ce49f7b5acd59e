-- Sends the request in the file args[1] again and again. Its first "@" is
-- replaced by a number that no other request of the run has: the delivery ID is
-- not signed, so each is an event of its own under the same signature. With
-- args[2] each connection pauses before each request, for that many milliseconds
-- in the mean. With args[3], a file of webhook IDs, one a line, each request
-- goes to one of them, drawn at random.

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

	local pause = tonumber(args[2] or 0)
	if pause > 0 then
		delay = function() return math.random(0, 2 * pause) end
	end
	if args[3] then
		ids = {}
		for id in io.lines(args[3]) do
			ids[#ids + 1] = id
		end
		local from, to = head:find("/bench ", 1, true)
		first, head = head:sub(1, from), head:sub(to)
		math.randomseed(os.time() + thread)
	end
end

function request()
	number = number + 1
	if ids then
		return first .. ids[math.random(#ids)] .. head .. number .. tail
	end
	return head .. number .. tail
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format(
		'\nRESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"errors":%d}\n',
		summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
		e.status, e.connect + e.read + e.write + e.timeout))
end
