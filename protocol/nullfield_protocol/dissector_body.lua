-- Bit operations: a library up to Lua 5.3, operators afterwards (load keeps 5.2 from parsing them).
local bxor, band, rshift
local library = bit32 or bit
if library then
  bxor, band, rshift = library.bxor, library.band, library.rshift
else
  bxor = load("return function(a, b) return a ~ b end")()
  band = load("return function(a, b) return a & b end")()
  rshift = load("return function(a, n) return a >> n end")()
end

local CRC_TABLE = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    if band(value, 1) == 1 then
      value = bxor(rshift(value, 1), 0xEDB88320)
    else
      value = rshift(value, 1)
    end
  end
  CRC_TABLE[byte] = value
end

-- CRC-32 of zlib over the first `size` characters of a string.
local function crc32(data, size)
  local value = 0xFFFFFFFF
  for i = 1, size do
    value = bxor(CRC_TABLE[band(bxor(value, data:byte(i)), 0xFF)], rshift(value, 8))
  end
  -- LuaJIT's bit library answers signed numbers.
  return bxor(value, 0xFFFFFFFF) % 0x100000000
end

-- Undo COBS; nil where a group runs past the end or a zero is met.
local function unstuff(data)
  local groups, position, size = {}, 1, #data
  while position <= size do
    local code = data:byte(position)
    if code == 0 or position + code - 1 > size then
      return nil
    end
    groups[#groups + 1] = data:sub(position + 1, position + code - 1)
    position = position + code
    if code < 255 and position <= size then
      groups[#groups + 1] = "\0"
    end
  end
  return table.concat(groups)
end

-- Take a frame apart, given without its delimiter: the raw frame, and what is wrong with it.
local function open_frame(wire)
  if #wire > MAX_WIRE - 1 then
    return nil, "oversized"
  end
  local raw = unstuff(wire)
  if not raw then
    return nil, "cobs"
  end
  if #raw > MAX_FRAME then
    return raw, "oversized"
  end
  if #raw < HEADER_SIZE + CRC_SIZE then
    return raw, "short"
  end
  local body = #raw - CRC_SIZE
  local a, b, c, d = raw:byte(body + 1, body + 4)
  if crc32(raw, body) ~= a + b * 0x100 + c * 0x10000 + d * 0x1000000 then
    return raw, "crc"
  end
  if raw:byte(3) + raw:byte(4) * 0x100 ~= body - HEADER_SIZE then
    return raw, "length"
  end
  return raw, nil
end

if not Proto then
  -- Outside Wireshark: what can be tried there is handed out.
  return { crc32 = crc32, unstuff = unstuff, open_frame = open_frame, messages = MESSAGES }
end

local nullfield = Proto("nullfield", "Nullfield zero-field magnetocardiography")

local message_names = {}
for number, message in pairs(MESSAGES) do
  message_names[number] = message.name
end

local f = {
  message = ProtoField.uint8("nullfield.message", "Message", base.HEX, message_names),
  flags = ProtoField.uint8("nullfield.flags", "Flags", base.HEX),
  length = ProtoField.uint16("nullfield.length", "Payload length", base.DEC),
  sequence = ProtoField.uint32("nullfield.sequence", "Sequence", base.DEC),
  missing = ProtoField.uint32("nullfield.missing", "Frames missing before this one", base.DEC),
  payload = ProtoField.bytes("nullfield.payload", "Payload"),
  crc = ProtoField.uint32("nullfield.crc", "CRC-32", base.HEX),
  wire = ProtoField.bytes("nullfield.wire", "Stuffed frame"),
}

local MAKERS = {
  uint8 = ProtoField.uint8, uint16 = ProtoField.uint16, uint32 = ProtoField.uint32,
  uint64 = ProtoField.uint64, int8 = ProtoField.int8, int16 = ProtoField.int16,
  int32 = ProtoField.int32, int64 = ProtoField.int64, float = ProtoField.float,
}

local all_fields = {}
for _, one in pairs(f) do
  all_fields[#all_fields + 1] = one
end

-- Fields that are bit masks get one more field a bit.
local function declare(fields, prefix)
  for _, field in ipairs(fields) do
    local abbreviation = prefix .. "." .. field.name
    if field.type == "text" then
      field.proto = ProtoField.string(abbreviation, field.name)
    elseif field.type == "bytes" then
      field.proto = ProtoField.bytes(abbreviation, field.name)
    elseif field.type == "float" then
      field.proto = ProtoField.float(abbreviation, field.name)
    else
      local shown = field.flags and base.HEX or base.DEC
      field.proto = MAKERS[field.type](abbreviation, field.name, shown, field.names)
    end
    all_fields[#all_fields + 1] = field.proto
    if field.flags then
      field.bits = {}
      local width = 8 * field.size / field.count
      for value, name in pairs(field.flags) do
        local one = ProtoField.bool(abbreviation .. "." .. name:lower(), name, width, nil, value)
        field.bits[#field.bits + 1] = { value = value, proto = one }
        all_fields[#all_fields + 1] = one
      end
      table.sort(field.bits, function(a, b) return a.value < b.value end)
    end
  end
end

for _, message in pairs(MESSAGES) do
  local prefix = "nullfield." .. message.name:lower()
  declare(message.fields, prefix)
  if message.row then
    declare(message.row.fields, prefix .. ".row")
  end
  if message.rest then
    message.rest_proto = ProtoField.string(prefix .. ".text", "text")
    all_fields[#all_fields + 1] = message.rest_proto
  end
end
nullfield.fields = all_fields

local function new_expert(name, text, group, severity)
  return ProtoExpert.new("nullfield." .. name, text, group, severity)
end

local e = {
  oversized = new_expert("oversized", "Longer than any frame", expert.group.MALFORMED, expert.severity.ERROR),
  cobs = new_expert("cobs", "Stuffing is broken", expert.group.MALFORMED, expert.severity.ERROR),
  short = new_expert("short", "Shorter than header and checksum", expert.group.MALFORMED, expert.severity.ERROR),
  crc = new_expert("crc_bad", "CRC-32 is wrong", expert.group.CHECKSUM, expert.severity.ERROR),
  length = new_expert("length_bad", "Length in the header is wrong", expert.group.MALFORMED, expert.severity.ERROR),
  unknown = new_expert("unknown", "Message is not in the catalogue", expert.group.UNDECODED, expert.severity.WARN),
  size = new_expert("size_bad", "Payload does not have the message's size", expert.group.MALFORMED, expert.severity.ERROR),
  missing = new_expert("gap", "Frames are missing before this one", expert.group.SEQUENCE, expert.severity.WARN),
  restart = new_expert("restart", "Sequence went back: the sender started anew", expert.group.SEQUENCE, expert.severity.NOTE),
  refused = new_expert("refused", "The board refused the request", expert.group.RESPONSE_CODE, expert.severity.NOTE),
  fault = new_expert("fault_latched", "The board latched a fault", expert.group.RESPONSE_CODE, expert.severity.WARN),
}
nullfield.experts = e

nullfield.prefs.ports = Pref.range(
  "TCP ports", "4000-4031", "Ports of emulated boards, taps and serial servers", 65535)

local interface_field = Field.new("frame.interface_id")

-- Sequence counts of the first pass, and what it found out, by packet and frame.
local next_sequence = {}
local findings = {}

function nullfield.init()
  next_sequence = {}
  findings = {}
end

local function follow_sequence(pinfo, place, message, sequence)
  local key = pinfo.number .. "/" .. place
  if not pinfo.visited then
    local number = interface_field()
    local stream = tostring(pinfo.src) .. ":" .. pinfo.src_port .. ">" .. tostring(pinfo.dst) ..
      ":" .. pinfo.dst_port .. "@" .. (number and tostring(number) or "0") .. "/" .. message
    local expected = next_sequence[stream]
    next_sequence[stream] = (sequence + 1) % 0x100000000
    if expected then
      findings[key] = (sequence - expected) % 0x100000000
    end
  end
  return findings[key] or 0
end

local function add_field(tree, field, tvb, base_offset)
  local size = field.size / field.count
  for index = 0, field.count - 1 do
    local range = tvb(base_offset + field.offset + index * size, size)
    local item
    if field.type == "text" then
      local last = range:raw():find("\0", 1, true)
      if last == 1 then
        item = tree:add(field.proto, range, "")
      else
        item = tree:add_packet_field(field.proto, last and range(0, last - 1) or range, ENC_UTF_8)
      end
    elseif field.type == "bytes" then
      item = tree:add(field.proto, range)
    else
      item = tree:add_le(field.proto, range)
    end
    if field.count > 1 then
      item:prepend_text("[" .. index .. "] ")
    end
    for _, one in ipairs(field.bits or {}) do
      item:add_le(one.proto, range)
    end
  end
end

local function number_at(tvb, message, name)
  for _, field in ipairs(message.fields) do
    if field.name == name and field.offset + field.size <= tvb:len() - CRC_SIZE then
      return tvb(HEADER_SIZE + field.offset, field.size):le_uint(), field
    end
  end
end

local function name_of(field, value)
  return field.names and field.names[value] or tostring(value)
end

-- What the packet list says of a frame beside its name.
local function summary(tvb, number, message)
  local text = message.name
  for _, name in ipairs({ "command", "error", "code", "index", "row_count" }) do
    local value, field = number_at(tvb, message, name)
    if value and not (name == "error" and value == 0) then
      text = text .. " " .. name .. "=" .. name_of(field, value)
    end
  end
  if message.rest then
    local first = HEADER_SIZE + message.size
    local size = tvb:len() - CRC_SIZE - first
    if size > 0 then
      text = text .. " " .. tvb(first, size):string(ENC_UTF_8)
    end
  end
  return text
end

local function add_payload(tree, tvb, message, length)
  local fixed = length >= message.size and (message.row or message.rest or length == message.size)
  if not fixed then
    tree:add_proto_expert_info(e.size,
      message.name .. " has " .. length .. " bytes, should have " .. message.size)
    return
  end
  for _, field in ipairs(message.fields) do
    add_field(tree, field, tvb, HEADER_SIZE)
  end
  local at, last = HEADER_SIZE + message.size, HEADER_SIZE + length
  if message.rest then
    if last > at then
      tree:add_packet_field(message.rest_proto, tvb(at, last - at), ENC_UTF_8)
    end
  elseif message.row then
    local number = 0
    while at + message.row.size <= last do
      local row = tree:add(nullfield, tvb(at, message.row.size), "Row " .. number)
      for _, field in ipairs(message.row.fields) do
        add_field(row, field, tvb, at)
      end
      at, number = at + message.row.size, number + 1
    end
    if at ~= last then
      tree:add_proto_expert_info(e.size, "The last row is cut")
    end
  end
end

local function add_verdict(tree, tvb, message)
  local code, field = number_at(tvb, message, "error")
  if code and code ~= 0 then
    tree:add_proto_expert_info(e.refused, "Refused: " .. name_of(field, code))
  end
  if message.name == "FAULT" then
    local fault, kind = number_at(tvb, message, "code")
    tree:add_proto_expert_info(e.fault, "Fault: " .. name_of(kind, fault))
  end
end

-- One frame, given with the place of its delimiter; answers its line for the packet list.
local function dissect_frame(wire_range, has_delimiter, pinfo, root, place)
  local whole = wire_range:raw()
  local wire = has_delimiter and whole:sub(1, -2) or whole
  local raw, cause = open_frame(wire)
  local tree = root:add(nullfield, wire_range)
  tree:add(f.wire, wire_range)
  if cause then
    tree:append_text(", bad frame: " .. cause)
    tree:add_proto_expert_info(e[cause])
  end
  if not raw or #raw < HEADER_SIZE + CRC_SIZE then
    return "[bad frame: " .. cause .. "]"
  end
  local tvb = ByteArray.new(raw, true):tvb("Unstuffed frame")
  local number = tvb(0, 1):uint()
  local message = MESSAGES[number]
  local sequence = tvb(4, 4):le_uint()
  local body = tvb:len() - CRC_SIZE
  local length = body - HEADER_SIZE
  tree:add_le(f.message, tvb(0, 1))
  tree:add_le(f.flags, tvb(1, 1))
  tree:add_le(f.length, tvb(2, 2))
  tree:add_le(f.sequence, tvb(4, 4))
  local payload = tree
  if length > 0 then
    payload = tree:add(f.payload, tvb(HEADER_SIZE, length))
  end
  tree:add_le(f.crc, tvb(body, CRC_SIZE))
  if cause then
    return "[bad frame: " .. cause .. "]"
  end
  local missing = follow_sequence(pinfo, place, number, sequence)
  if missing >= 0x80000000 then
    tree:add_proto_expert_info(e.restart)
  elseif missing > 0 then
    tree:add(f.missing, missing):set_generated()
    tree:add_proto_expert_info(e.missing, missing .. " frames are missing before this one")
  end
  if not message then
    tree:add_proto_expert_info(e.unknown)
    return string.format("message 0x%02X", number)
  end
  tree:append_text(", " .. message.name .. ", sequence " .. sequence)
  add_payload(payload, tvb, message, length)
  add_verdict(tree, tvb, message)
  return summary(tvb, number, message)
end

local function zero_after(tvb, start)
  local bytes = tvb:raw(start)
  local at = bytes:find("\0", 1, true)
  return at and start + at - 1
end

local function dissect(tvb, pinfo, root, is_stream)
  pinfo.cols.protocol = "NULLFIELD"
  local lines, start, size, place = {}, 0, tvb:len(), 0
  while start < size do
    local zero = zero_after(tvb, start)
    if not zero and is_stream and size - start <= MAX_WIRE then
      -- The rest of this frame comes with the next segment.
      pinfo.desegment_offset = start
      pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    local stop = zero and zero + 1 or size
    -- A zero by itself ends whatever half frame may have stood before it.
    if not (zero and stop - start == 1) then
      lines[#lines + 1] = dissect_frame(tvb(start, stop - start), zero ~= nil, pinfo, root, place)
    end
    start, place = stop, place + 1
  end
  if #lines > 0 then
    pinfo.cols.info = table.concat(lines, "; ")
  end
  return size
end

function nullfield.dissector(tvb, pinfo, root)
  -- Captures of ours hold one frame a packet; TCP cuts where it likes.
  return dissect(tvb, pinfo, root, pinfo.can_desegment > 0)
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, nullfield)
local tcp = DissectorTable.get("tcp.port")
local registered = nullfield.prefs.ports
tcp:add(registered, nullfield)

function nullfield.prefs_changed()
  if registered ~= nullfield.prefs.ports then
    tcp:remove(registered, nullfield)
    registered = nullfield.prefs.ports
    tcp:add(registered, nullfield)
  end
end
