-- Script for wrk: wrk … -s requests.lua <url> -- <case> <run> <kept> <per receive> <keys> <paths>
-- Twin of requests.ts, which the other generator uses. Keys and bodies follow from case, run, thread and a counter: two
-- runs never send the same, and a repeated run sends the same again. `replay` and `duplicate` repeat `kept` bodies.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set('thread_number', #threads)
end

local FIRST = { 'Rose', 'Amber', 'Cedar', 'Iris', 'Musk', 'Neroli', 'Oud', 'Tonka', 'Vetiver', 'Violet', 'Yuzu', 'Fig' }
local SECOND = { 'Garden', 'Night', 'Absolute', 'Water', 'Smoke', 'Silk', 'Dawn', 'Ember', 'Rain', 'Velvet' }
local MATERIALS = {
  'Linalool', 'Hedione', 'Iso E Super', 'Galaxolide', 'Ambroxan', 'Coumarin', 'Vanillin', 'Bergamot oil',
  'Patchouli oil', 'Ethylene brassylate',
}
local HEADERS = { ['Content-Type'] = 'application/json' }

local sent = 0
acked = 0
local waiting = {}
local gets = {}

function init(args)
  case, run, kept, per_receive, keys = args[1], args[2], tonumber(args[3]), tonumber(args[4]), args[5]
  for path in args[6]:gmatch('[^,]+') do gets[#gets + 1] = wrk.format('GET', path) end
end

-- A formula with a composition of its own.
local function formula(number, materials)
  local name = FIRST[number * 7 % #FIRST + 1] .. ' ' .. SECOND[number * 3 % #SECOND + 1] .. ' ' .. number * 48271 % 65521
  local parts = {}
  for i = 1, materials do
    local material = MATERIALS[(i - 1) % #MATERIALS + 1]
    if i > #MATERIALS then material = material .. ' ' .. math.floor((i - 1) / #MATERIALS) end
    parts[i] = '{"name":"' .. material .. '","concentration":"' .. i .. '.25"}'
  end
  -- Run, thread and number make the first concentration unique.
  parts[1] = string.format('{"name":"Linalool","concentration":"%d.%d%09d"}', run, thread_number, number)
  return '{"name":"' .. name .. '","materials":[' .. table.concat(parts, ',') .. ']}'
end

local function submit(key, body)
  HEADERS['Idempotency-Key'] = keys .. '-' .. thread_number .. '-' .. key
  return wrk.format('POST', '/formulas', HEADERS, body)
end

local function list(number, length)
  local formulas = {}
  for i = 1, length do formulas[i] = formula(number * length + i, 4) end
  return submit(number, '[' .. table.concat(formulas, ',') .. ']')
end

local cases = {
  single = function() return submit(sent, formula(sent, 4)) end,
  forty = function() return submit(sent, formula(sent, 40)) end,
  list = function() return list(sent, 100) end,
  minimal = function()
    HEADERS['Prefer'] = 'return=minimal'
    return list(sent, 100)
  end,
  thousand = function() return list(sent, 1000) end,
  get = function() return gets[sent % #gets + 1] end,
  replay = function() return submit(sent % kept, formula(sent % kept, 4)) end,
  duplicate = function() return submit(sent, formula(sent % kept, 4)) end,
  consume = function()
    local receipts = table.remove(waiting)
    HEADERS['Idempotency-Key'] = nil
    if receipts == nil then
      return wrk.format('POST', '/events/receive', HEADERS, '{"max":' .. per_receive .. ',"waitSeconds":1}')
    end
    return wrk.format('POST', '/events/ack', HEADERS, '{"receipts":[' .. receipts .. ']}')
  end,
}

function request()
  sent = sent + 1
  return cases[case]()
end

-- Only for consumers: reading an answer costs more CPU time than sending a request.
local function consumed(status, headers, body)
  local n = body:match('"acked":(%d+)')
  if n ~= nil then
    acked = acked + n
    return
  end
  local receipts = {}
  for receipt in body:gmatch('"receipt":("[^"]+")') do receipts[#receipts + 1] = receipt end
  if #receipts > 0 then table.insert(waiting, table.concat(receipts, ',')) end
end

-- Clients that honour Retry-After: for each refusal, one request is delayed.
local delayed = 0
local function refused(status)
  if status == 503 then delayed = delayed + 1 end
end
local function retry_after()
  if delayed == 0 then return 0 end
  delayed = delayed - 1
  return 1000
end

local start = init
function init(args)
  start(args)
  if case == 'consume' then response = consumed end
  if case == 'backing-off' then
    case, response, delay = 'single', refused, retry_after
  end
end

function done(summary, latency)
  local total = 0
  for _, thread in ipairs(threads) do total = total + thread:get('acked') end
  print(string.format(
    '{"requests":%d,"refused":%d,"failed":%d,"acked":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f}',
    summary.requests, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    total, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
