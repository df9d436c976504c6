"""The names of the columns of events and incidents."""

TS, TYPE, SERVICE, NAME, VERSION, SHA = "ts", "type", "service", "name", "version", "sha"
KIND, PRECISION, URL, ID, RUN = "kind", "precision", "url", "id", "run_id"
EARLIEST, LATEST, PROVISIONAL = "earliest", "latest", "provisional"
FIRST_LIVE, OLD_SINCE, CLAIMED = "first_live", "old_since", "claimed"
START, END, SOURCE, TITLE, URGENCY = "start", "end", "source", "title", "urgency"
