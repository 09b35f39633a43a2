<%@ page contentType="text/plain; charset=UTF-8" %>
<%@ include file="about.jspf" %><%= "ok " + name() + " " + version + "\n" %>
