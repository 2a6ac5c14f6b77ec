"""What advisor can do, one file a verb: a request in, a result out. Front ends call these and nothing below."""
