# How a session becomes a container: docker (or podman) run OPTIONS IMAGE COMMAND.
#
# This is YAML whose texts may hold {{ expressions }} (quote what begins with one). It is read as YAML first and filled
# in then, so that a value stays what it is, whatever is in it. To change it, copy this file to
# $FX_CONFIG_DIR/launcher-templates/docker.tpl and change the copy; it is in force with the next start.
# "portcall launcher dry docker" shows what comes of it.
#
# An argument whose expression is empty is left out. One whose expression is a list comes once for each member.
# In options an expression stands behind its option, --name={{ … }}: what a user typed is never an option of its own.
# --detach, --rm, --name, --label and the variables that let the session call its server are always there.
#
#   engine                docker or podman
#   user uid gid groups home shell login     the account; groups are numbers
#   session job_name name command geometry window_mode profile keyboard_layout params    what was asked for
#   image network pull cores memory gpus time extra     options, those of launcher_options.docker; memory is bytes,
#                         time is seconds, extra is a list of the administrator's
#   tmp root_dir var_dir config_dir local_dir    directories of the server
#   server_dir            the directory of its socket
#   identity              a directory with passwd and group, which name the account
#   runtime               the directory that make-runtime made
#   session_file          the session's own program, one file
#   program               the command that brings the session up in the container
#   rootless              true where it is the user's own podman

options:
  # whose session it is; the image need know nothing of this host's people
  - "--user={{ uid }}:{{ gid }}"
  - "--group-add={{ groups if not rootless }}"
  - "--userns={{ 'keep-id' if rootless }}"
  - "--mount=type=bind,source={{ identity }}/passwd,target=/etc/passwd,readonly"
  - "--mount=type=bind,source={{ identity }}/group,target=/etc/group,readonly"
  - "--workdir={{ home }}"
  - "--mount=type=bind,source={{ home }},target={{ home }}"
  # what a session needs beside the image: Python, Xvnc, and the way to the server
  - "--mount=type=bind,source={{ runtime }},target=/opt/portcall,readonly"
  - "--mount=type=bind,source={{ session_file }},target=/opt/portcall-session.pyz,readonly"
  - "--mount=type=bind,source={{ server_dir }},target={{ server_dir }},readonly"
  - --tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777
  - --shm-size=1g
  # no more than a user has outside of a container
  - --cap-drop=ALL
  - --security-opt=no-new-privileges
  - --security-opt=label=disable   # SELinux would keep the home and the socket from it
  # what the administrator has set, and people have asked for
  - "--network={{ network }}"
  - "--pull={{ pull }}"
  - "--cpus={{ cores }}"
  - "--memory={{ memory }}"
  - "--memory-swap={{ memory }}"
  - "--gpus={{ gpus if engine == 'docker' }}"
  - "--device={{ 'nvidia.com/gpu=all' if gpus and engine == 'podman' }}"
  - "{{ extra }}"

image: "{{ image }}"

command:
  - "{{ program }}"

# more variables for the session, in no argument and in no list of processes, such as  PROJECT: "{{ params.project }}"
environment: {}
