-- Ardour as a tape machine: one MIDI track that records whatever is connected to it over JACK.
-- environment: TAKE_FOLDER (a session folder that does not exist yet); run by ardour7-lua, no display needed.
-- It makes $TAKE_FOLDER.rolling once it records, and stops and saves when $TAKE_FOLDER.stop appears.
-- What it heard is then in $TAKE_FOLDER/interchange/*/midifiles/*.mid.
local folder = assert (os.getenv ("TAKE_FOLDER"), "TAKE_FOLDER is not set")
local LIMIT = 300 -- seconds, should nobody ever ask it to stop
-- Seconds for its thread that connects new ports to be done. JACK 2 has one socket a client and no lock on it: what
-- two threads ask at once comes in pieces, whereupon the server throws the client out.
local SETTLE = 2

local function wait (seconds) ARDOUR.LuaAPI.usleep (math.floor (seconds * 1e6)) end

local function exists (path)
	local file = io.open (path, "r")
	if file then file:close () end
	return file ~= nil
end

local function midi_track (session)
	local one = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1)
	local added = session:new_midi_track (one, one, true, ARDOUR.PluginInfo (), nil, nil, 1, "tape",
	                                      ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
	return added:front ()
end

assert (AudioEngine:set_backend ("JACK", "", ""), "Ardour has no JACK backend")
assert (AudioEngine:start (false) == 0, "Ardour found no JACK server")
local session = assert (create_session (folder, "tape", 48000), "no session in " .. folder)
wait (SETTLE)
local track = midi_track (session)
wait (SETTLE)
track:rec_enable_control ():set_value (1, PBD.GroupControlDisposition.NoGroup)
session:maybe_enable_record ()
session:request_roll (ARDOUR.TransportRequestSource.TRS_UI)
for _ = 1, 100 do
	if session:actively_recording () then break end
	wait (0.1)
end
assert (session:actively_recording (), "Ardour does not record")
io.open (folder .. ".rolling", "w"):close ()

for _ = 1, LIMIT * 10 do
	if exists (folder .. ".stop") then break end
	wait (0.1)
end
session:request_stop (false, true, ARDOUR.TransportRequestSource.TRS_UI)
wait (1)
session:save_state ("", false, false, false, false, false)
close_session ()
quit ()
