"""What a :class:`UserError` says to a person. One entry per code; a test finds codes without one."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from spilno.kernel.errors import UserError
from spilno.toolkit.language import formats

TEXTS: dict[str, Promise | str] = {
    # kernel
    "not_allowed": _("Your role does not allow this. Ask the workspace's owner."),
    "invalid_transition": _(
        "This is not possible any more: somebody or something was faster. Reload the page."
    ),
    "secret_key_changed": _(
        "The stored password cannot be read because the key file changed. Connect again."
    ),
    "private_host": _("%(host)s is an address inside a private network. An administrator can allow it."),
    "time_does_not_exist": _(
        "%(time)s does not exist on %(day)s: the clocks go forward. Choose another time."
    ),
    "time_is_ambiguous": _("%(time)s comes twice on %(day)s: the clocks go back. Choose another time."),
    # command line
    "unknown_workspace": _("There is no workspace “%(workspace)s”."),
    "unknown_initiative": _("There is no initiative “%(slug)s”."),
    "ambiguous_initiative": _("Several workspaces have an initiative “%(slug)s”: say WORKSPACE/SLUG."),
    "case_problems": _("The case folder has %(count)s problems."),
    "unknown_language": _("“%(language)s” is not a language of Spilno: uk, en, ru."),
    "unknown_network": _("There is no network “%(network)s”. The command “spilno networks” lists them."),
    "unknown_placement": _("There is no placement “%(placement)s” there. There are: %(known)s."),
    "file_not_read": _("%(file)s cannot be read: %(reason)s."),
    "file_not_written": _("%(file)s cannot be written: %(reason)s."),
    "not_utf8": _("%(file)s is not UTF-8 text. Save it as UTF-8 and try again."),
    "backup_broken": _("%(file)s is not a backup of Spilno, or it is damaged."),
    "database_tool_failed": _("%(tool)s failed: %(reason)s"),
    "running_now": _("Spilno is running on this data. Stop it first."),
    # team
    "workspace_name_missing": _("Give the workspace a name."),
    "unknown_time_zone": _("“%(time_zone)s” is not a known time zone."),
    "slug_taken": _("The address “%(slug)s” is taken. Choose another one."),
    "unknown_role": _("“%(role)s” is not a role."),
    "roles_missing": _("Choose at least one role."),
    "unknown_department": _("There is no department “%(department)s”."),
    "person_key_taken": _("There is somebody with the key “%(key)s” already."),
    "community_name_missing": _("Give the community a name."),
    "department_name_missing": _("Give the department a name."),
    "owner_stays": _("The owner of the workspace cannot be taken off the team."),
    "invitation_unknown": _("This invitation link is not valid. Ask for a new one."),
    "demo_cannot_join": _("The demo's colleagues stay in the demo. Sign in as yourself."),
    "invitation_over": _("This invitation was used, withdrawn, or is too old. Ask for a new one."),
    "already_member": _("You belong to “%(workspace)s” already."),
    # briefs
    "initiative_title_missing": _("Give the initiative a title."),
    "initiative_title_long": _("The title is too long: at most %(limit)s characters."),
    "unknown_initiative_kind": _("“%(kind)s” is not a kind of initiative."),
    "ends_before_start": _("The last day is before the first one."),
    "initiative_too_long": _("An initiative lasts three years at most."),
    "public_from_outside": _("The first public day must lie between the first and the last day."),
    "slug_wrong": _("An address has only small Latin letters, digits and hyphens."),
    "unknown_community": _("There is no such community in this workspace."),
    "unknown_person": _("There is no such person in this workspace."),
    "brief_changed": _(
        "Somebody saved this brief while you were writing. Nothing was overwritten: choose below."
    ),
    "brief_is_ready": _("The brief is agreed. Reopen it to change its task or its targets."),
    "brief_not_ready": _("The brief is not ready yet: %(first)s."),
    "text_too_long": _("This is too long: at most %(limit)s characters."),
    "budget_negative": _("A budget is not negative."),
    "content_due_late": _("The content deadline is after the last day."),
    "unknown_report_format": _("“%(format)s” is not a format of results."),
    "unknown_metric": _("There is no KPI “%(metric)s”."),
    "target_channel_missing": _("This KPI is about one channel: choose which."),
    "target_channel_not_wanted": _("This KPI cannot be measured for one channel."),
    "target_twice": _("This KPI is a target already. Change that one."),
    "target_gone": _("Somebody removed this target."),
    "target_not_positive": _("A target must be greater than zero."),
    "target_negative": _("This cannot be less than zero."),
    "target_too_early": _("The date is before the initiative begins."),
    "number_missing": _("Write a number."),
    "not_a_number": _("“%(typed)s” is not a number."),
    "number_must_be_whole": _("“%(typed)s” is not a whole number."),
    "number_too_large": _("This number is too large."),
    "number_too_precise": _("This number has too many decimals: two are enough."),
    "date_wrong": _("“%(typed)s” is not a date."),
    # contingency
    "stage_missing": _("Name the stage, for example “half-way”."),
    "stage_long": _("The name of the stage is too long: at most %(limit)s characters."),
    "checkpoint_in_past": _("This moment has passed. Choose a later one."),
    "checkpoint_after_end": _("This moment is after the last day of the initiative."),
    "checkpoint_twice": _("The stage “%(stage)s” looks at this KPI already."),
    "checkpoint_fired": _("This checkpoint has looked already; it stays on record."),
    "actions_missing": _("Choose at least one thing to do."),
    "unknown_action": _("“%(action)s” is not something a plan can do."),
    "unknown_reserve_item": _("“%(key)s” is not a reserve post of this initiative."),
    "unknown_channel": _("There is no such channel in this workspace."),
    "item_gone": _("The reserve post was deleted."),
    "item_without_channel": _("The reserve post has no channel yet."),
    "channel_gone": _("The channel was disconnected."),
    "proposal_decided": _("%(who)s was faster: %(state)s."),
    "proposal_nothing_done": _("Nothing of this could be done. The proposal stays open."),
    # pages
    "unknown_page_kind": _("“%(kind)s” is not a kind of public page."),
    "page_title_missing": _("Give the page a title."),
    "page_text_long": _("At most %(limit)s characters, please."),
    "event_start_missing": _("Say when the event begins."),
    "event_ends_before_start": _("The event cannot end before it begins."),
    "capacity_wrong": _("A number of seats from 1 to %(largest)s, or nothing for no limit."),
    "page_slug_taken": _("The address “%(slug)s” is taken. Choose another one."),
    "name_missing": _("Please tell us your name."),
    "email_wrong": _("This does not look like an e-mail address."),
    "page_closed": _("This was closed just now. Thank you for your interest."),
    "page_full": _("Somebody took the last seat just now. Nothing of yours was kept."),
    "event_over": _("The event has begun; registration is over."),
    "form_suspicious": _(
        "A hidden field was filled in, as programs do. If you are a person, press the button again."
    ),
    "form_too_quick": _("That was very quick. Press the button again, please."),
    "form_stale": _("The page was open for long. Nothing is lost: press the button again."),
    # channels
    "credential_missing": _("Fill this in: without it the network does not let us in."),
    "network_by_hand": _("This network has no way in for programs: a person posts there, and we remind."),
    "network_needs_oauth": _("This network asks you to allow the connection on its own page."),
    "network_without_oauth": _("This network is connected with a password or a token."),
    "channel_key_taken": _("There is a channel with the key “%(key)s” already."),
    "channel_name_missing": _("Give the channel a name."),
    "channel_not_by_hand": _("“%(name)s” is a connected account: connect it again."),
    "bad_address": _("“%(address)s” is not an address. It should begin with https://"),
    "bad_tolerance": _("Between 0 and %(longest)s minutes."),
    "unknown_purpose": _("“%(purpose)s” is neither the brand's nor a community's voice."),
    "not_of_this_workspace": _("This is not part of this workspace."),
    "other_account": _(
        "You signed in as %(account)s, but “%(name)s” is another account. Sign in as that one."
    ),
    "account_in_use": _("%(account)s is connected already, as “%(name)s”."),
    "connection_expired": _("This connection was begun elsewhere or too long ago. Begin again."),
    "connection_refused": _("The connection was not allowed at the network. Nothing was changed."),
    "app_missing": _(
        "This network lets programs in only when they are registered there. Register the app first, once for all"
        " channels; an administrator can do it in the settings."
    ),
    "network_without_app": _("This network wants no app to be registered."),
    "no_accounts": _(
        "You allowed the connection, but the network named no account that we may post to. Choose one there."
    ),
    "accounts_missing": _("Choose at least one account."),
    "unknown_limit": _("There is no limit “%(limit)s” there."),
    "bad_limit": _("“%(typed)s” is not a value that this limit can have."),
    "reason_missing": _("Say why, so that others understand it later."),
    "rate_limited_ahead": _(
        "The network takes no more posts just now. This one leaves by itself at %(until)s; nothing is lost."
    ),
    "network_outage": _(
        "%(host)s has not answered since %(since)s. We ask again at %(until)s, and the post leaves by itself as"
        " soon as it answers."
    ),
    # what networks answer
    "network_token_refreshing": _("The access is being renewed this very moment. We go on by ourselves."),
    "network_token_ended": _("The access has ended and is being renewed. We try again by ourselves."),
    "network_unreachable": _(
        "%(host)s cannot be reached. Check the address; if it is right, try again later."
    ),
    "network_timeout": _("%(host)s took too long to answer. Try again in a few minutes."),
    "network_connection_lost": _("The connection to %(host)s broke off. Try again."),
    "network_bad_address": _("“%(host)s” is not an address of a server. Check the spelling."),
    "network_not_accepted": _(
        "The network does not accept the name, password or token. Check them and connect again."
    ),
    "network_refused": _("The network refused: %(message)s. Change what it names, then try again."),
    "network_forbidden": _("The account may not do this: %(message)s. Check its rights on the network."),
    "network_not_found": _(
        "The network knows nothing of that name: it may be misspelt, renamed or deleted. Look there, and connect again."
    ),
    "network_redirected": _("%(host)s sends us on to another address. Enter that address instead."),
    "network_media_too_large": _("The file is too large for this network. Make it smaller."),
    "network_media_refused": _("The network does not take the picture: %(message)s. Use another one."),
    "network_media_unreachable": _(
        "The network could not fetch the picture or video from this server: %(message)s. Its address must open "
        "from the internet, without signing in."
    ),
    "network_media_wrong_format": _(
        "The network does not take files of this kind: %(message)s. Save it in another format."
    ),
    "network_media_wrong_shape": _(
        "The network does not take these sides or this length: %(message)s. Crop or cut it."
    ),
    "network_duplicate_post": _(
        "The network says that the same was posted just before. Look there; to post it again, change the text."
    ),
    "network_version_retired": _(
        "The network no longer serves the version of its interface that is used here. Update Spilno, or connect again "
        "and set a newer version."
    ),
    "network_delete_by_hand": _("The network lets no program delete this. Delete it there, in its own app."),
    "network_app_refused": _(
        "The network does not accept this installation's app: %(message)s. An administrator checks its number and "
        "its secret."
    ),
    "network_code_refused": _("The permission from the network came too late or twice. Connect once more."),
    "network_media_required": _("This network wants a picture with every post here. Add one."),
    "network_media_processing": _("The network is still working on the picture. We ask again by ourselves."),
    "network_media_needs_public_address": _(
        "The network fetches pictures itself, but this server has no public address. An administrator sets one."
    ),
    "network_preparation_expired": _(
        "The network forgot what was prepared. We prepare it again by ourselves."
    ),
    "network_rate_limited": _(
        "The network wants us to wait before the next post. We try again by ourselves."
    ),
    "network_server_error": _(
        "The network has trouble of its own and gave no clear answer. Try again in a few minutes."
    ),
    "network_unexpected_answer": _(
        "The network answered something we do not understand. Try again later; if it stays so, tell an administrator."
    ),
    "network_not_json": _("%(host)s does not answer like this network. Check the address."),
    "network_answer_too_large": _(
        "The answer was far too long to be the network's. Check the address of the server, or try again later."
    ),
    "network_contradiction": _("The network contradicts itself about this post. Please look there."),
    "network_account_blocked": _(
        "The network has blocked this account. Sign in there and see what it asks for."
    ),
    "network_credentials_missing": _("A name, password or token is missing. Connect again."),
    "network_no_account_behind_token": _(
        "There is no account behind this token. Make one for the right page."
    ),
    "network_may_not_post": _(
        "The account may not post there. Give it the right to post, then connect again."
    ),
    "network_chat_moved": _("The group became another kind of group and has a new number. Connect it again."),
    "network_media_unreadable": _("The file of the picture or video is no longer here. Add it again."),
    "network_address_bad": _("“%(address)s” is no e-mail address. Check the spelling."),
    "network_no_encryption": _(
        "%(host)s offers no encrypted connection, so the password was not sent. Try port 465."
    ),
    "network_certificate_refused": _(
        "The certificate of %(host)s is not valid. Ask whoever runs the server."
    ),
    "network_recipients_refused": _(
        "The mail server takes none of the addresses: %(message)s. Look through the list."
    ),
    "network_too_many_recipients": _(
        "The mail server takes at most %(limit)s recipients. Nothing was sent: shorten the list."
    ),
    "network_cannot_delete": _(
        "The network no longer lets us delete this: %(message)s. Delete it there by hand."
    ),
    "network_room_encrypted": _("The room is encrypted; only people can write there. Choose an open room."),
    "network_quota_spent": _(
        "The app has used up what the network allows it in a day. It goes on by itself after the network's midnight; "
        "an administrator can ask the network for more."
    ),
    "network_upload_limit": _(
        "The channel has taken as many videos today as the network allows. We try again by ourselves tomorrow."
    ),
    "network_no_channel": _(
        "This account has no channel of its own. Create one on the network, then connect again."
    ),
    "network_rights_missing": _(
        "Not everything was allowed that is needed. Connect again and leave all boxes ticked."
    ),
    "network_api_not_enabled": _(
        "The app may not use this interface of the network. An administrator has to enable it there: %(message)s"
    ),
    "network_comments_closed": _("Comments are closed there. Open them on the network to answer."),
    "network_title_missing": _("The first line is the title, and it is empty. Write a title."),
    "network_media_uploading": _("The video is being handed over. It goes on by itself."),
    "network_app_unaudited": _(
        "The network keeps the video private, because it has not audited the app yet. An administrator has to ask for "
        "the audit; until then publish this video by hand."
    ),
    "network_video_failed": _(
        "The network could not read the video (%(reason)s). Save it as MP4 with H.264 and AAC and send it again."
    ),
    "network_video_rejected": _(
        "The network rejected the video (%(reason)s). See there why, change the video and send it again."
    ),
    "network_video_duplicate": _(
        "The channel has this very video already. Delete the older one there, or send another one."
    ),
    "network_video_too_long_for_channel": _(
        "The video is longer than this channel may upload. Confirm a phone number on the network, or shorten it."
    ),
    # publishing
    "time_is_past": _("This moment has passed. Choose a later one, or publish now."),
    "cannot_take_down": _("This post cannot be deleted from here. Delete it on the network itself."),
    "take_down_unclear": _(
        "The network gave no clear answer. Look whether the post is gone, or press once more: that is harmless."
    ),
    "not_approved": _(
        "It waits for approval. As soon as it is approved, it leaves by itself, if its time allows."
    ),
    "missed_unapproved": _("It was not approved in time, so it did not leave."),
    "too_many_stages": _("At most %(most)s stages are possible."),
    "stage_without_approvers": _("Stage %(number)s asks nobody. Tick somebody, or leave the stage out."),
    "too_many_approvers": _("At most %(most)s can be asked in one stage."),
    "unknown_approver": _("Somebody who was ticked is gone. Look at the stages again."),
    "guest_is_only_approver": _("%(name)s is the only one asked in a stage. Tick somebody else there first."),
    "unknown_guest": _("Choose a guest."),
    "guest_name_missing": _("Write the guest's name."),
    "not_an_email": _("“%(email)s” is not an e-mail address."),
    "no_approval_needed": _("Nothing of this post needs approval."),
    "bad_link_days": _("A link works for 1 to %(most)s days."),
    "unknown_verdict": _("Approve it, or ask for changes."),
    "comment_missing": _("Say what should change: only you know."),
    "comment_too_long": _("At most %(most)s characters."),
    "comment_empty": _("Write something first."),
    "unknown_comment": _("What you answer to is not there any more."),
    "comment_answered": _("Somebody answered already: settle the thread instead."),
    "bad_place": _("Press on the picture once more to say which place you mean."),
    "content_changed": _("The post was changed meanwhile. Look at the new version: nothing was noted yet."),
    "nothing_to_approve": _("Tick what your word is about."),
    "too_late_to_approve": _("It is out or on its way already."),
    "own_approval": _("You wrote this: somebody else has to approve it."),
    "delivery_in_flight": _("It is on its way: nothing can be changed until we know whether it arrived."),
    "already_published": _("It is out already."),
    "item_in_reserve": _("The post is in reserve. Take it out of reserve first."),
    "channel_disconnected": _("“%(name)s” is disconnected. Connect it again, then send the post again."),
    "channel_reconnect": _("“%(name)s” must be connected again; the post waits for that."),
    "permission_lost": _(
        "%(name)s, who scheduled it, may not publish any more. Somebody else has to decide."
    ),
    "too_late": _(
        "It would have been %(minutes)s minutes late; more than %(tolerance)s are not wanted here."
    ),
    "cannot_tell": _("We cannot find out whether the post is there."),
    "worker_died": _("The program was stopped while sending."),
    "unexpected": _("Something unexpected happened inside Spilno (%(error)s). It is in the log."),
    "does_not_fit": _("The network would not take the post as it is."),
    "not_in_question": _("Nobody is asking about this post any more. Reload the page."),
    "posted_in_future": _("This time has not come yet."),
    "not_an_address": _("This is not a link. Copy it from the network; it begins with https://"),
    "not_a_time": _("This is not a time."),
    "delivery_exists": _(
        "Spilno itself sends or sent this post to “%(channel)s”; its time cannot be overwritten."
    ),
    "nobody_to_remind": _("Nobody could be reminded by mail: nobody answers for the channel."),
    "mail_failed": _("The mail could not be sent. The reminder is in Today all the same."),
    # demo
    "practice_running": _(
        "Something listens on port %(port)s, where the practice networks belong. Stop it first."
    ),
    # plan
    "text_far_too_long": _("The text is longer than any network takes (%(limit)s characters)."),
    "link_not_an_address": _("The link is not a web address. It begins with https://"),
    "link_to_itself": _("A post cannot lead to itself."),
    "too_many_pictures": _("At most %(limit)s pictures fit into one post."),
    "unknown_item": _("This post is not there any more."),
    "unknown_media": _("This picture is not in the library any more."),
    "channel_twice": _("A channel was chosen twice."),
    "item_key_taken": _("There is a post with the key “%(key)s” already."),
    "mention_name_wrong": _(
        "“%(name)s” cannot stand behind @: letters, digits, dots and dashes, without blanks."
    ),
    "mention_name_taken": _("@%(name)s is there already."),
    "mention_without_handle": _("Say what they are called on at least one network."),
    "snippet_empty": _("There are no words in it."),
    "snippet_name_taken": _("“%(name)s” is there already."),
    "snippets_too_many": _("There are %(limit)s snippets already. Delete some that nobody uses."),
    "unknown_snippet": _("This snippet is not there any more."),
    "unknown_pillar": _("This rubric is not there any more."),
    "link_mode_unknown": _("Choose how links go out."),
    "link_pattern_word": _("{%(word)s} means nothing here. Possible: %(known)s."),
    "comment_post_gone": _("The post is not there any more, so nothing was posted under it."),
    "comment_too_late": _("The post is out for more than a day: a first comment would come too late."),
    "pillar_share_wrong": _("The share is a whole number from 0 to 100."),
    "pillar_name_taken": _("The rubric “%(name)s” is there already."),
    "pillars_too_many": _("There are %(limit)s rubrics already. Put some away."),
    "idea_without_words": _("Say in a few words what it is about."),
    "unknown_idea": _("This idea is not there any more."),
    "idea_has_grown": _("This idea became a post; it stays there."),
    "item_changed": _(
        "Somebody changed this post meanwhile. What you typed is still here; nothing was overwritten."
    ),
    "item_deleted": _("This post is deleted."),
    "item_is_out": _("This post is out or on its way: its words, pictures and link stay as they are."),
    "item_without_channels": _("This post has no channel yet. Open it and choose where it goes."),
    "variant_is_out": _("On %(channel)s the post is out or on its way; there it cannot change any more."),
    "variant_is_scheduled": _("On %(channel)s the post is scheduled. Call it off first."),
    "variant_was_tried": _(
        "It was tried to publish this on %(channel)s, so the channel stays in the record. Call it off."
    ),
    "variant_does_not_fit": _("%(channel)s: %(problem)s"),
    "linked_post_not_out": _("It leads to “%(title)s”, which is not out yet."),
    "period_too_long": _("At most %(days)s days can be shown at once."),
    "nothing_to_move": _("The post was moved or changed meanwhile. Reload the page."),
    "nothing_to_send": _("It is out everywhere already."),
    "channels_missing": _("Choose at least one channel."),
    "time_missing": _("Choose when it goes out on %(channel)s."),
    "time_not_understood": _("This is not a time."),
    # the posting schedule, tags, steps back, tables
    "too_many_slots": _("At most %(limit)s times in a week."),
    "gap_wrong": _("Between 0 and %(longest)s minutes."),
    "lead_days_wrong": _("Between 0 and %(longest)s days."),
    "quiet_half": _("Quiet hours need a beginning and an end."),
    "unknown_country": _("The holidays of “%(country)s” are not known."),
    "no_slots": _("“%(channel)s” has no free slot. Set its posting schedule under Plan → Schedule."),
    "tag_missing": _("Write the tag."),
    "tag_too_long": _("A tag has at most %(limit)s characters."),
    "too_many_tags": _("At most %(limit)s tags on one post."),
    "view_name_missing": _("Give the view a name."),
    "view_too_long": _("The name is too long."),
    "too_many_views": _("At most %(limit)s saved views. Remove one first."),
    "too_many_at_once": _("At most %(limit)s posts at once."),
    "time_missing_here": _("It has no time yet."),
    "days_wrong": _("Write a number of days, for example 7 or −1."),
    "undone_already": _("This was undone already."),
    "changed_since": _("Somebody changed it since; it stays as it is."),
    "file_missing": _("Choose a file first."),
    "file_is_empty": _("There is nothing in this file."),
    "file_too_large": _("The file is larger than %(limit)s MB."),
    "not_a_table": _("This is not a table. Save it as CSV or XLSX and try again."),
    "too_many_rows": _("At most %(limit)s rows at once. Divide the file."),
    "too_many_columns": _("More than %(limit)s columns: this does not look like a plan."),
    "no_headings": _(
        "The first row should name the columns, at least “Channel” or “Text”. Take our empty table as a beginning."
    ),
    "column_twice": _("Two columns mean the same: “%(column)s”."),
    "import_gone": _("This import was finished or given up already."),
    "nothing_to_import": _("There is no row that could be imported. Mend them first."),
    "import_row_refused": _("Row %(row)s could not be written. Nothing was imported."),
    "media_empty": _("The file is empty."),
    "media_too_large": _("The file is larger than %(limit)s MB. Make it smaller, or cut the video."),
    "media_unknown_type": _(
        "Networks do not take this kind of file. Pictures: JPEG, PNG, WebP, GIF, AVIF or HEIC. "
        "Videos: MP4, MOV or WebM. Documents: PDF."
    ),
    "media_too_many_pixels": _("The picture has more than %(limit)s million pixels. Make it smaller."),
    "media_broken": _("The file is damaged or not complete. Export it again."),
    "media_no_video": _("The file holds no moving picture, only sound. Export it as a video."),
    "media_zero_length": _("There is nothing in the file: no moment of video, no page. Export it again."),
    "media_unknown_codec": _(
        "The video is coded as %(codec)s, which is unknown here. Export it as MP4 with H.264."
    ),
    "media_password": _("The PDF is locked with a password. Save it without one."),
    "media_too_heavy": _("The file takes too long or too much memory to work on. Export it smaller."),
    "media_not_taken": _("Sign in again: the file was not taken."),
    "media_not_ready": _("“%(name)s” is still being prepared for this network."),
    "media_failed": _("“%(name)s” could not be prepared for this network. %(reason)s"),
    "media_file_gone": _("The file is no longer there. Add it again."),
    "image_cannot_be_made_smaller": _(
        "It cannot be made small enough for this network. Use a smaller or simpler picture."
    ),
    "video_cannot_be_made_smaller": _(
        "A video this long would look too bad in the size this network takes. Cut it to the part that matters."
    ),
    "disk_full": _("There is no room left on Spilno's disk. Ask your administrator to make some."),
    "storage_away": _(
        "The storage for files does not answer. Try again in a minute; tell your administrator if it stays so."
    ),
    "media_in_use": _("The picture is used in a post, maybe in a deleted one. It stays."),
    "alt_too_long": _("A description has at most %(limit)s characters."),
}


def moment_text(moment: datetime) -> str:
    """``14:05`` today, ``22 лист., 14:05`` on another day, in the reader's language and time zone."""
    zone, language = timezone.get_current_timezone(), get_language() or settings.LANGUAGE_CODE
    now = timezone.now()
    if moment.astimezone(zone).date() == now.astimezone(zone).date():
        return formats.clock(moment, language, zone)
    return formats.when(moment, language, zone=zone, now=now, short=True)


def text_of(error: UserError) -> str:
    """The message in the active language, with the error's values filled in."""
    text = TEXTS.get(error.code)
    if text is None:
        return error.code
    return str(text) % _Filled(error.params) if "%(" in str(text) else str(text)


MOMENTS = frozenset({"until", "since"})
"""Values that are moments (ISO 8601): shown as a person's clock shows them."""


class _Filled(dict[str, object]):
    """An error's values. What nobody said is left out: a network need not explain itself.

    ``reason`` may be the code of another error, which is then said in its words.
    """

    def __getitem__(self, key: str) -> object:
        value = super().__getitem__(key)
        if key == "reason" and str(value) in TEXTS:
            inner = UserError(str(value))
            inner.params = {name: one for name, one in self.items() if name != "reason"}
            return text_of(inner)
        if key in MOMENTS and isinstance(value, str):
            try:
                return moment_text(datetime.fromisoformat(value))
            except ValueError:
                return value
        return value

    def __missing__(self, key: str) -> str:
        return "…"
