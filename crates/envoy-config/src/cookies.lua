-- The name of ours that a Set-Cookie value would set, as it may be read by any
-- browser (RFC 6265bis, 5.6) and behind it: blanks and control characters are
-- skipped, a cookie without a name is what its value looks like, some split at
-- commas, and a prefix makes a name no other's.
local function our_name(value)
  local pair = value:match("^[^;]*"):gsub('[%z\1-\32"\127]', ""):lower()
  for piece in pair:gmatch("[^,]+") do
    local name = piece:match("^=*([^=]*)")
    local bare = name:gsub("^__host%-", ""):gsub("^__secure%-", "")
    if ours[name] or ours[bare] then return ours[name] or ours[bare] end
  end
end

-- The values that are not ours, and the names of those that are.
local function sorted(headers)
  local kept, taken = {}, {}
  for at = 0, headers:getNumValues("set-cookie") - 1 do
    local value = headers:getAtIndex("set-cookie", at)
    local name = our_name(value)
    if name then taken[#taken + 1] = name else kept[#kept + 1] = value end
  end
  return kept, taken
end

function envoy_on_response(handle)
  local headers = handle:headers()
  -- After an error Envoy passes the answer on as it is then. So none is let out of
  -- here, and nothing is said before all is done.
  local is_read, kept, taken = pcall(sorted, headers)
  if is_read and #taken == 0 then return end
  headers:remove("set-cookie")
  if is_read then
    for _, value in ipairs(kept) do headers:add("set-cookie", value) end
  end
  local upstream = "the upstream of `" .. handle:streamInfo():routeName() .. "`"
  if not is_read then
    handle:logErr("the cookies of " .. upstream .. " cannot be read and are all taken out: " .. tostring(kept))
    return
  end
  for _, name in ipairs(taken) do
    handle:logWarn(upstream .. " tried to set the cookie `" .. name .. "`")
  end
end
